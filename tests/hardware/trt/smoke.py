"""`python -m tests.hardware.trt.smoke` runs the adapter on a real TensorRT-LLM and a real GPU: one verdict a row.

    python -m tests.hardware.trt.smoke --model org/model                        PyTorch backend
    python -m tests.hardware.trt.smoke --model org/model --engine-dir engine    compiled engine

Rows: every name of the contract that we use, start, streaming, cancelling, barge-in, sampling, a killed worker, a
fresh start after it, and what is left behind. Exit 0 if all rows pass, 1 if one fails, 3 if nothing could be started.
Part of no test run: it needs NVIDIA's wheel. `--json` prints one object a line.
"""

import argparse
import importlib
import inspect
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import trio
from attrs import evolve

from engines import processes
from engines.base import Aborted, Delta, Failed, Finished, Sampling
from engines.errors import EngineDead, EngineError
from engines.prompts.loading import load_chat_text
from engines.prompts.messages import PromptMessage
from engines.trt import TrtConfig, TrtEngine, apply_library_env
from engines.trt.arguments import cache_arguments, engine_arguments, sampling_arguments
from engines.trt.plan import Backend, make_plan
from tests.contract.suite import CHECKS, GREEDY, Opened
from tests.hardware.trt.bench import Bench, Row, note

QUESTION = "Tell me a long story about rain, a river and a dog. " * 8
GONE_S = 1.0


def _names(member: Any) -> set[str]:
    fields = getattr(member, "model_fields", None)
    return set(fields) if fields is not None else set(inspect.signature(member).parameters)


async def names_exist(bench: Bench) -> str:
    """Every name that we pass is one that the installed library takes."""
    package, llmapi = importlib.import_module("tensorrt_llm"), importlib.import_module("tensorrt_llm.llmapi")
    plan = make_plan(bench.config)
    llm = bench.open.engine._boot.llm  # type: ignore[attr-defined] # the library's object, which no caller ever needs
    passed = {
        "SamplingParams": (package.SamplingParams, set(sampling_arguments(_busy(bench), bench.config))),
        "KvCacheConfig": (llmapi.KvCacheConfig, set(cache_arguments(bench.config))),
        "generate_async": (llm.generate_async, {"inputs", "sampling_params", "streaming"}),
    }
    arguments = getattr(llm, "args", None)
    if arguments is not None and hasattr(type(arguments), "model_fields"):
        passed["LLM"] = (type(arguments), {*engine_arguments(bench.config, plan), "kv_cache_config"})
    lacking = {name: sorted(given - _names(member)) for name, (member, given) in passed.items()}
    assert not any(lacking.values()), lacking
    return ", ".join(sorted(passed))


def _busy(bench: Bench) -> Any:
    sampling = Sampling(min_p=0.1, repetition_penalty=1.1, presence_penalty=0.2, frequency_penalty=0.3)
    request = importlib.import_module("engines.base").GenerationRequest
    return request(id="names", prompt_ids=bench.prompt_ids, sampling=sampling, max_tokens=4, stop_token_ids=(1,))


async def it_streams(bench: Bench) -> str:
    """Tokens come one step at a time."""
    began = time.perf_counter()
    request_id = bench.open.submit(128)
    recorder = bench.open.recorder
    await recorder.until(lambda: bool(recorder.deltas(request_id)))
    first = time.perf_counter() - began
    end = await recorder.end(request_id)
    took = time.perf_counter() - began
    assert isinstance(end, Finished), end
    assert len(recorder.deltas(request_id)) > end.usage.completion_tokens / 2, "steps were merged"
    return f"first token {first * 1000:.0f} ms, {end.usage.completion_tokens / took:.0f} tokens/s"


async def a_cancel_is_confirmed(bench: Bench) -> str:
    """By the engine, in milliseconds."""
    request_id = await bench.running()
    began = time.perf_counter()
    bench.open.engine.abort(request_id)
    end = await bench.open.recorder.end(request_id)
    assert isinstance(end, Aborted), end
    return f"{(time.perf_counter() - began) * 1000:.1f} ms"


async def a_barge_in_gets_its_own_words(bench: Bench) -> str:
    """Abort and next request in one turn: the old one is silent, the new one speaks."""
    old = await bench.running()
    seen = len(bench.open.recorder.outputs[old])
    began = time.perf_counter()
    bench.open.engine.abort(old)
    new = bench.open.submit(16)
    await bench.open.recorder.until(lambda: bool(bench.open.recorder.deltas(new)))
    took = time.perf_counter() - began
    assert isinstance(await bench.open.recorder.end(new), Finished)
    await bench.open.recorder.end(old)
    assert not any(isinstance(output, Delta) for output in bench.open.recorder.outputs[old][seen:])
    return f"new first token after {took * 1000:.0f} ms"


async def seeds_differ(bench: Bench) -> str:
    """Equal prompts with other seeds get other words, with equal seeds mostly equal ones."""
    hot = Sampling(temperature=1.2, top_p=1.0, top_k=0)
    texts = [(await bench.text(sampling=hot, seed=seed))[0] for seed in (1, 2, 3)]
    assert len(set(texts)) > 1, "every seed gave the same text"
    return f"{len(set(texts))} texts of 3"


async def penalties_act(bench: Bench) -> str:
    """They are accepted and ignored by the default PyTorch sampler of 1.2."""
    plain, _ = await bench.text(64)
    strict, _ = await bench.text(64, sampling=evolve(GREEDY, repetition_penalty=1.3, presence_penalty=0.5))
    assert plain != strict, "the same text with and without penalties"
    return "other text"


async def the_prefix_cache_serves(bench: Bench) -> str:
    """The second time a prompt comes, the PyTorch backend reports cached tokens."""
    await bench.text(2)
    _, end = await bench.text(2)
    if make_plan(bench.config).backend is Backend.ENGINE:
        return f"not reported by the engine backend ({end.usage.cached_tokens})"
    assert end.usage.cached_tokens, "no cached tokens: is block reuse on?"
    return f"{end.usage.cached_tokens} of {end.usage.prompt_tokens} tokens"


async def a_killed_worker_fails_its_requests(bench: Bench) -> str:
    """The library says nothing; the process table does."""
    engine = bench.open.engine
    assert isinstance(engine, TrtEngine)
    assert engine.worker_pids, "no worker process was recognised"
    running = await bench.running()
    began = time.perf_counter()
    os.kill(engine.worker_pids[-1], signal.SIGKILL)
    try:
        with trio.fail_after(GONE_S * 5):
            await engine.watch()
    except EngineDead as error:
        took = time.perf_counter() - began
        end = await bench.open.recorder.end(running)
        assert isinstance(end, Failed)
        assert took < GONE_S, f"noticed after {took:.1f} s"
        return f"{took * 1000:.0f} ms: {error}"


async def nothing_is_left(bench: Bench) -> str:
    """After close: no process of the engine, in bounded time."""
    engine = bench.open.engine
    assert isinstance(engine, TrtEngine)
    pids = engine.worker_pids
    began = time.perf_counter()
    await engine.close()
    left = [pid for pid in pids if processes.identify(pid) is not None]
    assert not left, f"still there: {left}"
    return f"closed in {time.perf_counter() - began:.1f} s"


async def it_starts_again(bench: Bench) -> str:
    """A fresh engine in the same process, after a death."""
    await bench.start()
    text, _ = await bench.text()
    return repr(text[:40])


ROWS: tuple[Row, ...] = (
    names_exist,
    it_streams,
    a_cancel_is_confirmed,
    a_barge_in_gets_its_own_words,
    seeds_differ,
    penalties_act,
    the_prefix_cache_serves,
)
LAST_ROWS: tuple[Row, ...] = (a_killed_worker_fails_its_requests, nothing_is_left, it_starts_again, nothing_is_left)


async def run(bench: Bench, encode: Callable[[str], list[int]]) -> int:
    """All rows; the exit code."""
    try:
        await bench.start()
    except (EngineError, trio.TooSlowError) as error:
        bench.say("start", False, str(error))
        return 3
    bench.say("start", True, ", ".join(f"{name} {value}" for name, value in bench.open.info.facts.items()))
    try:
        for row in ROWS:
            await bench.judge(row.__name__, row)
        # Any token of the greedy reply may end it: its first one then does.
        bench.open.all_ids = encode((await bench.text(16))[0])
        for name, check in CHECKS.items():
            await bench.judge(name, _contract(check))
        for number, row in enumerate(LAST_ROWS):
            again = " (again)" if row in LAST_ROWS[:number] else ""
            await bench.judge(row.__name__ + again, row)
    finally:
        await bench.open.engine.close()
    for warning in bench.warnings:
        note(f"left out: {warning}")
    return 0 if all(bench.verdicts.values()) else 1


def _contract(check: Callable[[Opened], Awaitable[None]]) -> Row:
    async def row(bench: Bench) -> str:
        await check(bench.open)
        return "contract"

    return row


def main() -> int:
    """Parse, load the tokenizer, run."""
    parser = argparse.ArgumentParser(description="The TensorRT-LLM adapter on real hardware: one verdict a row.")
    parser.add_argument("--model", required=True, help="hub id or directory: tokenizer, and weights without an engine")
    parser.add_argument("--engine-dir", type=Path, help="compiled engine to serve")
    parser.add_argument("--max-len", type=int, default=2048, help="tokens of prompt and reply (default 2048)")
    parser.add_argument("--batch-size", type=int, default=4, help="requests decoded at once (default 4)")
    parser.add_argument("--kv-free-gpu-frac", type=float, default=0.5, help="default 0.5")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    given = parser.parse_args()
    mark = apply_library_env(os.environ)  # noqa: TID251 - an entry module
    try:
        chat = load_chat_text(given.model)
    except EngineError as error:
        parser.exit(3, f"{error}\n")
    config = TrtConfig(
        model=given.model,
        engine_dir=given.engine_dir,
        engine_is_named=True,
        max_model_len=given.max_len,
        max_output_len=min(256, given.max_len // 2),
        batch_size=given.batch_size,
        kv_free_gpu_frac=given.kv_free_gpu_frac,
        mark=mark,
    )
    prompt = chat.render([PromptMessage("user", QUESTION)])
    bench = Bench(config, list(prompt), given.json)
    return trio.run(run, bench, lambda text: list(chat.encoder.ids(text)))


if __name__ == "__main__":
    # The library's workers import this module again.
    sys.exit(main())
