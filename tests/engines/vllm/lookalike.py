"""A stand-in for the vLLM library: the members that the adapter calls, with their signatures and their pitfalls.

Its engine (`engine_core`) makes a token a millisecond, and both ways of talking to it lead there. Like the real
front end this one starts nothing before the first `__anext__`, ignores an abort of an id it has not registered, ends an
aborted stream at once, and on the death of its core fails streams but leaves control calls hanging.
"""

import asyncio  # noqa: TID251 - it stands for an asyncio library
from collections.abc import AsyncIterator, Mapping
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tests.engines.vllm.engine_core import (
    EngineCore,
    EngineCoreOutput,
    EngineCoreOutputs,
    EngineCoreRequest,
    EngineDeadError,
    FinishReason,
    IncrementalDetokenizer,
    tokenizer,
)

VERSION = "0.32.0"


class EngineGenerateError(Exception):
    """As in vllm.v1.engine.exceptions: wraps what went wrong in `generate`."""


class QueueOverflowError(Exception):
    """As in vllm.exceptions."""


class AsyncEngineArgs:
    """Takes what the real one takes, as far as the adapter goes; complains when `model` is "broken"."""

    def __init__(self, **arguments: Any) -> None:
        self.arguments = arguments

    def create_engine_config(self, usage_context: Any = None, headless: bool = False) -> SimpleNamespace:
        values = self.arguments
        if values["model"] == "broken":
            raise ValueError("the model has no config.json")
        return SimpleNamespace(
            arguments=values,
            scheduler_config=SimpleNamespace(
                max_num_seqs=values["max_num_seqs"], max_num_batched_tokens=values["max_num_batched_tokens"]
            ),
            model_config=SimpleNamespace(
                max_model_len=values["max_model_len"], dtype="torch.float32", quantization=None
            ),
            cache_config=SimpleNamespace(
                cache_dtype=values.get("kv_cache_dtype", "auto"), num_gpu_blocks=64, block_size=16
            ),
            attention_config=SimpleNamespace(backend=None),
        )


class SamplingParams(SimpleNamespace):
    """Takes any keyword; what is allowed is another test's business."""


class AsyncLLM:
    """One engine; the last one made is `AsyncLLM.latest`."""

    latest: "AsyncLLM"

    def __init__(self, vllm_config: Any) -> None:
        self.vllm_config = vllm_config
        self.output_processor = self.input_processor = self
        self.engine_core = EngineCore(vllm_config.scheduler_config.max_num_seqs)
        self.log_stats = False
        self.dead_error: BaseException = EngineDeadError("EngineCore encountered an issue")
        self.closed = False
        self.calls: list[tuple[str, Mapping[str, Any]]] = []
        self.failure: Exception | None = None
        self._live: dict[str, asyncio.Queue[Any]] = {}
        self._handler = asyncio.ensure_future(self._handle(self.engine_core.outputs_queue))

    @classmethod
    def from_vllm_config(
        cls, vllm_config: Any, usage_context: Any, enable_log_requests: bool, disable_log_stats: bool
    ) -> "AsyncLLM":
        asyncio.get_running_loop()
        cls.latest = cls(vllm_config)
        return cls.latest

    @property
    def errored(self) -> bool:
        return self.engine_core.dead or self._handler.done()

    def get_tokenizer(self) -> SimpleNamespace:
        return tokenizer()

    def process_inputs(
        self,
        request_id: str,
        prompt: Any,
        params: Any,
        supported_tasks: tuple[str, ...],
        data_parallel_rank: int | None = None,
    ) -> EngineCoreRequest:
        self.calls.append((request_id, {"params": params, "rank": data_parallel_rank}))
        if self.failure is not None:
            raise self.failure
        ids = prompt["prompt_token_ids"]
        if len(ids) >= self.vllm_config.model_config.max_model_len:
            raise ValueError(f"the prompt has {len(ids)} tokens")
        return EngineCoreRequest(request_id, ids, params)

    async def generate(
        self, prompt: Any, sampling_params: Any, request_id: str, *, data_parallel_rank: int | None = None
    ) -> AsyncIterator[SimpleNamespace]:
        if self.errored:
            raise EngineDeadError("dead")
        # Not registered yet: an abort that comes now is lost.
        await asyncio.sleep(0.002)
        tasks = await self.get_supported_tasks()
        request = self.process_inputs(request_id, prompt, sampling_params, tasks, data_parallel_rank)
        queue = self._live[request_id] = asyncio.Queue()
        text = IncrementalDetokenizer.from_new_request(tokenizer(), request)
        try:
            await self.engine_core.add_request_async(request)
            reason = None
            while reason is None:
                output = await queue.get()
                if isinstance(output, Exception):
                    raise output
                reason = output.finish_reason
                text.update(output.new_token_ids, reason is FinishReason.STOP)
                yield _output(output.new_token_ids, text.get_next_output_text(False, True), reason)
        except GeneratorExit:
            await self.engine_core.abort_requests_async([request_id])
            raise
        finally:
            self._live.pop(request_id, None)

    async def _handle(self, steps: asyncio.Queue[Any]) -> None:
        while True:
            step = await steps.get()
            if isinstance(step, Exception):
                for queue in self._live.values():
                    queue.put_nowait(step)
                return
            for output in step.outputs:
                if output.request_id in self._live:
                    self._live[output.request_id].put_nowait(output)

    async def abort(self, request_id: str) -> None:
        if request_id in self._live:
            self._live[request_id].put_nowait(EngineCoreOutput(request_id, [], FinishReason.ABORT))
            await self.engine_core.abort_requests_async([request_id])

    def terminate(self) -> None:
        """As a SIGTERM that reaches the core: a stream ends with an abort that nobody asked for, others never."""
        self.engine_core.terminate()

    def die(self) -> None:
        """As a SIGKILL of the core."""
        self.engine_core.dead = self.engine_core.stuck = True

    def get_num_unfinished_requests(self) -> int:
        return len(self._live)

    async def is_sleeping(self) -> bool:
        await self.engine_core.answer()
        return False

    async def get_supported_tasks(self) -> tuple[str, ...]:
        return ("generate",)

    async def reset_prefix_cache(self) -> bool:
        await self.engine_core.answer()
        return not self.engine_core.requests

    def shutdown(self, timeout: float | None = None) -> None:
        self.closed = True
        if self.errored:
            raise EngineDeadError("dead")
        self.engine_core.close()


def _output(ids: list[int], text: str, reason: FinishReason | None) -> SimpleNamespace:
    completion = SimpleNamespace(
        token_ids=ids, text=text, finish_reason=None if reason is None else reason.name.lower()
    )
    return SimpleNamespace(outputs=[completion], finished=reason is not None, num_cached_tokens=4)


def tokens_input(prompt_token_ids: list[int]) -> dict[str, Any]:
    """As in vllm.inputs."""
    return {"type": "token", "prompt_token_ids": prompt_token_ids}


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make it importable as `vllm` for one test."""
    modules: dict[str, dict[str, Any]] = {
        "vllm": {},
        "vllm.version": {"__version__": VERSION},
        "vllm.sampling_params": {
            "SamplingParams": SamplingParams,
            "RequestOutputKind": SimpleNamespace(DELTA="delta"),
        },
        "vllm.v1.engine": {
            "EngineCoreOutput": EngineCoreOutput,
            "EngineCoreOutputs": EngineCoreOutputs,
            "FinishReason": FinishReason,
        },
        "vllm.v1.engine.detokenizer": {"IncrementalDetokenizer": IncrementalDetokenizer},
        "vllm.v1.engine.exceptions": {
            "EngineDeadError": EngineDeadError,
            "EngineGenerateError": EngineGenerateError,
        },
        "vllm.v1.engine.async_llm": {"AsyncLLM": AsyncLLM},
        "vllm.engine.arg_utils": {"AsyncEngineArgs": AsyncEngineArgs},
        "vllm.usage.usage_lib": {"UsageContext": SimpleNamespace(OPENAI_API_SERVER="server")},
        "vllm.inputs": {"tokens_input": tokens_input},
        "vllm.exceptions": {"QueueOverflowError": QueueOverflowError},
        "vllm.v1.attention.backends.registry": {
            "AttentionBackendEnum": SimpleNamespace(__members__={"FLASH_ATTN": 1, "FLASHINFER": 2})
        },
    }
    for name, members in modules.items():
        module = ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(__import__("sys").modules, name, module)


__all__ = ["AsyncLLM", "EngineGenerateError", "QueueOverflowError", "install"]
