"""Stand-in: what both backends share: a worker process, a thread that reads its answers, results by request id."""

import asyncio  # noqa: TID251 - it stands for a library that is asyncio throughout
import contextlib
import itertools
import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from tensorrt_llm import _contract
from tensorrt_llm.executor import GenerationResult

_WORKER = Path(__file__).with_name("_worker.py")
_BLOCK = 32
_TAUGHT = 1_000_000


class _Tokenizer:
    """The model's, and beyond its vocabulary texts that it was taught: one token each, whatever they are."""

    def __init__(self, directory: str) -> None:
        self._inner = Tokenizer.from_file(str(Path(directory) / "tokenizer.json"))
        self.eos_token_id = self._inner.token_to_id("<|im_end|>")
        self._taught: dict[str, int] = {}
        self._texts: list[str] = []

    def teach(self, text: str) -> int:
        """The token of a text."""
        if text not in self._taught:
            self._taught[text] = _TAUGHT + len(self._texts)
            self._texts.append(text)
        return self._taught[text]

    def get_vocab(self) -> dict[str, int]:
        return self._inner.get_vocab()

    def encode(self, text: str) -> list[int]:
        return list(self._inner.encode(text, add_special_tokens=False).ids)

    def decode(self, ids: list[int], skip_special_tokens: bool = False, **_options: Any) -> str:
        parts = []
        for taught, run in itertools.groupby(ids, lambda token: token >= _TAUGHT):
            if taught:
                parts += [self._texts[token - _TAUGHT] for token in run]
            else:
                parts.append(str(self._inner.decode(list(run), skip_special_tokens=skip_special_tokens)))
        return "".join(parts)


class _Executor:
    """Owns the worker. In the library this is where worker deaths go unnoticed."""

    def __init__(self, start: dict[str, Any]) -> None:
        # The words after the script make it look like the worker of MPI's pool.
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_WORKER), json.dumps(start), "-m", "mpi4py.futures.server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        first = self.process.stdout.readline()
        if first != "ready\n":
            self.close()
            raise RuntimeError(first.strip() or "the worker died while it was loading")
        self.results: dict[int, GenerationResult] = {}
        self._lock = threading.Lock()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        with self._lock:
            self.process.stdin.write(json.dumps(message) + "\n")
            self.process.stdin.flush()

    def abort_request(self, request_id: int) -> None:
        self.send({"do": "cancel", "id": request_id})

    def _read(self) -> None:
        assert self.process.stdout is not None
        # When the worker is gone this loop just ends: nobody is told.
        for line in self.process.stdout:
            batch = [(self._result(answer), answer) for answer in json.loads(line)]
            # The whole batch is woken through the first result's loop: "all the loops are identical".
            batch[0][0].loop.call_soon_threadsafe(_hand_out, batch)

    def _result(self, answer: dict[str, Any]) -> GenerationResult:
        over = "reason" in answer or "error" in answer
        return self.results.pop(answer["id"]) if over else self.results[answer["id"]]

    def close(self) -> None:
        # Without bound, as in 1.2.
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is self.process.stdout:
                self.process.wait()
            assert pipe is not None
            with contextlib.suppress(OSError):
                pipe.close()


def _hand_out(batch: list[tuple[GenerationResult, dict[str, Any]]]) -> None:
    for result, answer in batch:
        assert asyncio.get_running_loop() is result.loop, "requests came from two loops"
        result.queue.put_nowait(answer)


class BaseLLM:
    """Stand-in: both backends. Blocks until the worker is ready; `values` is what it was made with.

    `behaviour`: of the workers to come, as in a model's `standin.json`. `told`: what the worker says to the request
    with this seed ("words": token ids, then the end token; "fails_after": so many tokens).
    """

    counts_cached = False
    made: "list[BaseLLM]" = []  # noqa: RUF012 - so that a test can look at the one that the adapter made
    behaviour: dict[str, Any] = {}  # noqa: RUF012 - a test's to fill

    def __init__(self, model: str, tokenizer: str | None = None, **values: Any) -> None:
        self.values = {"model": model, "tokenizer": tokenizer, **values}
        _contract.check("tensorrt_llm.LLM.__init__", {}, TypeError)
        self._check(self.values)
        self._tokenizer = _Tokenizer(tokenizer or model)
        behaviour = Path(model) / "standin.json"
        start = json.loads(behaviour.read_text()) if behaviour.is_file() else {}
        self._executor: _Executor | None = _Executor({"batch": values["max_batch_size"], **start, **self.behaviour})
        self.told: dict[int, dict[str, Any]] = {}
        self._seen: set[tuple[int, ...]] = set()
        self._number = 0
        self.sampled: list[Any] = []
        BaseLLM.made.append(self)

    def _check(self, values: dict[str, Any]) -> None:
        raise NotImplementedError

    def _before_request(self) -> None:
        return

    @property
    def tokenizer(self) -> Any:
        """The model's tokenizer."""
        return self._tokenizer

    def generate_async(
        self, inputs: Any, sampling_params: Any = None, streaming: bool = False, **options: Any
    ) -> GenerationResult:
        """Blocks while it sends. Only token ids here: texts would be tokenised on the caller's thread."""
        _contract.check("tensorrt_llm.LLM.generate_async", options, TypeError)
        if self._executor is None:
            raise RuntimeError("LLM is shutting down")
        assert isinstance(inputs, list), "a text would block the loop"
        assert all(isinstance(token, int) for token in inputs)
        assert streaming, "without streaming there is one answer at the end"
        self._before_request()
        sampling_params._setup(self._tokenizer)
        self.sampled.append(sampling_params)
        del self.sampled[:-8]  # who looks at it asked just now; a server that runs for long keeps none of the rest
        self._number += 1
        result = GenerationResult(self._executor, self._number, sampling_params.values, self._cached(inputs))
        self._executor.results[self._number] = result
        told = self.told.pop(sampling_params.values.get("seed"), {})
        sent = {"do": "new", "id": self._number, "prompt": inputs, **self._wire(sampling_params.values), **told}
        self._executor.send(sent)
        return result

    def _cached(self, prompt: list[int]) -> int:
        found = 0
        for end in range(_BLOCK, len(prompt), _BLOCK):
            known = tuple(prompt[:end]) in self._seen
            self._seen.add(tuple(prompt[:end]))
            found = end if known and found == end - _BLOCK else found
        return found if self.counts_cached and self.values["kv_cache_config"].enable_block_reuse else 0

    def _wire(self, values: dict[str, Any]) -> dict[str, Any]:
        sent = ("max_tokens", "temperature", "seed", "stop_token_ids", "end_id", "bad_words", "repetition_penalty")
        return {name: values[name] for name in sent if values.get(name) is not None}

    def shutdown(self) -> None:
        """Blocks until the worker has gone, however long that takes."""
        executor, self._executor = self._executor, None
        if executor is not None:
            with contextlib.suppress(OSError):
                executor.send({"do": "quit"})
            executor.close()


__all__ = ["BaseLLM"]
