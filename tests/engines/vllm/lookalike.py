"""A stand-in for the vLLM library: the members that the adapter calls, with their signatures and their pitfalls.

It streams one made-up token a millisecond. Like the real one it starts nothing before the first `__anext__`, ignores
an abort of an id it has not registered, ends an aborted stream at once in the front end, and on the death of its core
fails streams but leaves control calls hanging.
"""

import asyncio  # noqa: TID251 - it stands for an asyncio library
from collections.abc import AsyncIterator, Mapping, Sequence
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

VERSION = "0.32.0"


class EngineDeadError(Exception):
    """As in vllm.v1.engine.exceptions."""


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
        self.output_processor = self
        self.dead_error: BaseException = EngineDeadError("EngineCore encountered an issue")
        self.errored = False
        self.stuck = False
        self.closed = False
        self.calls: list[tuple[str, Mapping[str, Any]]] = []
        self.failure: Exception | None = None
        self._slots = asyncio.Semaphore(vllm_config.scheduler_config.max_num_seqs)
        self._live: dict[str, asyncio.Event] = {}
        self._reason = "abort"

    @classmethod
    def from_vllm_config(
        cls, vllm_config: Any, usage_context: Any, enable_log_requests: bool, disable_log_stats: bool
    ) -> "AsyncLLM":
        asyncio.get_running_loop()
        cls.latest = cls(vllm_config)
        return cls.latest

    async def generate(
        self, prompt: Any, sampling_params: Any, request_id: str, *, data_parallel_rank: int | None = None
    ) -> AsyncIterator[SimpleNamespace]:
        self.calls.append((request_id, {"params": sampling_params, "rank": data_parallel_rank}))
        if self.errored:
            raise EngineDeadError("dead")
        # Not registered yet: an abort that comes now is lost.
        await asyncio.sleep(0.002)
        if self.failure is not None:
            raise self.failure
        ids = prompt["prompt_token_ids"]
        if len(ids) >= self.vllm_config.model_config.max_model_len:
            raise ValueError(f"the prompt has {len(ids)} tokens")
        stop = self._live[request_id] = asyncio.Event()
        try:
            async for output in self._tokens(ids, sampling_params, stop):
                yield output
        finally:
            self._live.pop(request_id, None)

    async def _tokens(self, ids: Sequence[int], params: Any, stop: asyncio.Event) -> AsyncIterator[SimpleNamespace]:
        slot = asyncio.ensure_future(self._slots.acquire())
        stopped = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({slot, stopped}, return_when=asyncio.FIRST_COMPLETED)
            for number in range(params.max_tokens):
                if self.errored:
                    raise EngineDeadError("dead")
                if stop.is_set():
                    yield _output([], "", self._reason)
                    return
                token = 10 + (len(ids) + number) % 50
                reason = "stop" if token in params.stop_token_ids else None
                reason = reason or ("length" if number + 1 == params.max_tokens else None)
                yield _output([token], "" if reason == "stop" else f" {token}", reason)
                if reason is not None:
                    return
                await asyncio.sleep(0.001)
        finally:
            stopped.cancel()
            if slot.done() and not slot.cancelled():
                self._slots.release()
            slot.cancel()

    async def abort(self, request_id: str) -> None:
        if request_id in self._live:
            self._live[request_id].set()

    def terminate(self) -> None:
        """As a SIGTERM that reaches the core: a stream ends with an abort that nobody asked for, others never."""
        next(iter(self._live.values())).set()

    def die(self) -> None:
        """As a SIGKILL of the core."""
        self.errored = self.stuck = True

    def get_num_unfinished_requests(self) -> int:
        return len(self._live)

    async def _answer(self) -> None:
        while self.stuck:  # tests flip the flag from another thread
            await asyncio.sleep(0.01)

    async def is_sleeping(self) -> bool:
        await self._answer()
        return False

    async def get_supported_tasks(self) -> tuple[str, ...]:
        return ("generate",)

    async def reset_prefix_cache(self) -> bool:
        await self._answer()
        return not self._live

    def shutdown(self, timeout: float | None = None) -> None:
        self.closed = True
        if self.errored:
            raise EngineDeadError("dead")


def _output(ids: list[int], text: str, reason: str | None) -> SimpleNamespace:
    completion = SimpleNamespace(token_ids=ids, text=text, finish_reason=reason)
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
