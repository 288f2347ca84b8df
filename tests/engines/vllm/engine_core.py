"""The look-alike's engine: a process of its own in the real library, here a task that makes a token a millisecond.

Also the records that travel from it, the client that puts each step into `outputs_queue`, and the detokeniser.
"""

import asyncio  # noqa: TID251 - it stands for an asyncio library
import enum
import functools
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, ClassVar

from attrs import define, field
from tokenizers import Tokenizer, decoders

from tests.engines.vllm import checkpoint


class EngineDeadError(Exception):
    """As in vllm.v1.engine.exceptions."""


class FinishReason(enum.IntEnum):
    """As in vllm.v1.engine."""

    STOP = 0
    LENGTH = 1
    ABORT = 2
    ERROR = 3
    REPETITION = 4

    def __str__(self) -> str:
        return self.name.lower()


@define
class EngineCoreOutput:
    """As in vllm.v1.engine, as far as it is read."""

    __struct_fields__: ClassVar = ("request_id", "new_token_ids", "finish_reason", "prefill_stats")
    request_id: str
    new_token_ids: list[int]
    finish_reason: FinishReason | None = None
    prefill_stats: Any = None


@define
class EngineCoreOutputs:
    """As in vllm.v1.engine, as far as it is read."""

    __struct_fields__: ClassVar = ("outputs",)
    outputs: list[EngineCoreOutput]


@define(eq=False)
class EngineCoreRequest:
    """As in vllm.v1.engine, as far as it is used."""

    request_id: str
    prompt_token_ids: list[int]
    sampling_params: Any
    external_req_id: str | None = None
    made: int = field(default=0, init=False)


class EngineCore:
    """The client of the engine's process with that process behind it. Messages are handled in order, before a step."""

    def __init__(self, max_running: int) -> None:
        self.outputs_queue: asyncio.Queue[Any] = asyncio.Queue()
        self.dead = self.stuck = False
        self.requests: dict[str, EngineCoreRequest] = {}
        self._max_running = max_running
        self._messages: list[EngineCoreRequest | list[str]] = []
        self._terminated: str | None = None
        self._reader = asyncio.ensure_future(self._read(self.outputs_queue))

    async def add_request_async(self, request: EngineCoreRequest) -> None:
        if self.dead:
            raise EngineDeadError("dead")
        self._messages.append(request)

    async def abort_requests_async(self, request_ids: list[str]) -> None:
        if not self.dead:
            self._messages.append(request_ids)

    async def answer(self) -> None:
        """A utility call: answered between two steps, behind everything that was sent before."""
        while self.stuck or self._messages:  # tests flip the flag from another thread
            await asyncio.sleep(0.001)

    def terminate(self) -> None:
        """As a SIGTERM: one request ends with an abort that nobody asked for, the others never."""
        self._terminated = next(iter(self.requests))

    def close(self) -> None:
        """As the client's shutdown, from any thread."""
        self._reader.get_loop().call_soon_threadsafe(self._reader.cancel)

    async def _read(self, steps: asyncio.Queue[Any]) -> None:
        try:
            while True:
                await asyncio.sleep(0.001)
                if self.dead:
                    raise EngineDeadError("dead")
                if not self.stuck and (outputs := self._step()):
                    steps.put_nowait(EngineCoreOutputs(outputs))
        except Exception as error:
            steps.put_nowait(error)
        except asyncio.CancelledError:
            steps.put_nowait(EngineDeadError())

    def _step(self) -> list[EngineCoreOutput]:
        for message in self._messages:
            if isinstance(message, list):
                for request_id in message:
                    self.requests.pop(request_id, None)
            else:
                self.requests[message.request_id] = message
        self._messages.clear()
        if self._terminated is not None:
            last, self._terminated = self._terminated, None
            self.requests.clear()
            return [EngineCoreOutput(last, [], FinishReason.ABORT)]
        running = list(self.requests.values())[: self._max_running]
        return [self._token(request) for request in running]

    def _token(self, request: EngineCoreRequest) -> EngineCoreOutput:
        params = request.sampling_params
        token = 10 + (len(request.prompt_token_ids) + request.made) % 50
        stats = SimpleNamespace(num_cached_tokens=4) if request.made == 0 else None
        request.made += 1
        reason = FinishReason.STOP if token in params.stop_token_ids else None
        if reason is None and request.made == params.max_tokens:
            reason = FinishReason.LENGTH
        if reason is not None:
            del self.requests[request.request_id]
        return EngineCoreOutput(request.request_id, [token], reason, stats)


@functools.cache
def tokenizer() -> SimpleNamespace:
    """A tokenizer as `transformers` wraps it."""
    return SimpleNamespace(backend_tokenizer=checkpoint.tokenizer())


class IncrementalDetokenizer:
    """As in vllm.v1.engine.detokenizer."""

    def __init__(self, own: Tokenizer, prompt_ids: Sequence[int]) -> None:
        self._own = own
        self._stream = decoders.DecodeStream(ids=list(prompt_ids), skip_special_tokens=False)
        self._text = ""

    @classmethod
    def from_new_request(cls, tokenizer: Any, request: EngineCoreRequest) -> "IncrementalDetokenizer":
        return cls(tokenizer.backend_tokenizer, request.prompt_token_ids)

    def update(self, new_token_ids: list[int], stop_terminated: bool) -> None:
        for one in new_token_ids[:-1] if stop_terminated else new_token_ids:
            self._text += self._stream.step(self._own, one) or ""

    def get_next_output_text(self, finished: bool, delta: bool) -> str:
        text, self._text = self._text, ""
        return text


__all__ = [
    "EngineCore",
    "EngineCoreOutput",
    "EngineCoreOutputs",
    "EngineCoreRequest",
    "EngineDeadError",
    "FinishReason",
    "IncrementalDetokenizer",
    "tokenizer",
]
