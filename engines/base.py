"""The engine contract: token ids in, deltas out, every request ends exactly once.

All methods are called from the trio thread. `submit` and `abort` never block and never await: an abort has to reach
the engine in the scheduler turn in which its cause was read. Outputs come back through the `deliver` callback given to
`open`, also in the trio thread, as one batch per engine step, so that a step costs one wake-up however many
sessions it serves.
"""

import enum
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn, Protocol

import msgspec
from attrs import field, frozen

from engines.errors import EngineError


class FinishReason(enum.Enum):
    """Why a generation ended by itself. STOP: its last token is a stop token, even if no other one was allowed."""

    STOP = "stop"
    LENGTH = "length"


@frozen(kw_only=True)
class Sampling:
    """Effective sampling values of one request (ranges and meaning: the protocol's sampling table).

    `temperature` 0 is greedy; `top_k` 0 is off.
    """

    temperature: float = 0.8
    top_p: float = 0.95
    top_k: int = 30
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0


@frozen(kw_only=True)
class GenerationRequest:
    """One generation. `id` is made by the server and unique in the process; client ids never get here.

    `prompt_ids`: the whole prompt, BOS included. `max_tokens` >= 1. `stop_token_ids` end the reply and are not part
    of it. `controls`: texts by id of the tokens that are handed over as `Control`. `seed`: fresh per request.
    `affinity`: the session's number, so that data-parallel replicas can keep a session on the rank that holds its
    prefix.
    """

    id: str
    prompt_ids: Sequence[int] = field(repr=lambda ids: f"<{len(ids)} ids>")
    sampling: Sampling
    max_tokens: int
    stop_token_ids: Sequence[int] = ()
    controls: Mapping[int, str] = field(factory=dict, repr=False)
    seed: int = 0
    affinity: int = 0


@frozen
class Usage:
    """Engine-true token counts. `cached_tokens`: prompt tokens served from the prefix cache, None if unknown."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int | None = None


class Control(str):
    """The text of one control token. The same characters may come as ordinary text too: then they are a plain `str`."""

    __slots__ = ()


class Delta(msgspec.Struct, frozen=True, gc=False):
    """New text of whole characters (may be empty) made of `tokens` newly generated tokens.

    `text` is a `Control` where it is one of the request's `controls`, which therefore shares a delta with nothing.
    `cached_tokens` as in `Usage`, on the first delta at the latest. One is made for every token of everybody: this kind
    of class is made four times as fast as the others here, and is no work for the garbage collector.
    """

    text: str
    tokens: int
    cached_tokens: int | None = None

    def __repr__(self) -> str:
        """Without the text."""
        return f"Delta(<{len(self.text)} chars>, tokens={self.tokens}, cached_tokens={self.cached_tokens})"


@frozen
class Finished:
    """The generation ended by itself."""

    reason: FinishReason
    usage: Usage


@frozen
class Aborted:
    """The engine confirms an abort that we asked for."""


@frozen
class Failed:
    """The request failed, or its engine did."""

    error: EngineError


Output = Delta | Finished | Aborted | Failed
Deliver = Callable[[Sequence[tuple[str, Output]]], None]
Progress = Callable[[str], None]


@frozen(kw_only=True)
class EngineInfo:
    """What an opened engine says of itself.

    `max_running`: requests it decodes at once. `max_model_len`: tokens of prompt and reply together.
    `facts`: anything worth a start-up log line (KV dtype, attention backend, library version).
    """

    name: str
    max_running: int
    max_model_len: int
    facts: dict[str, str | int | float | bool | None] = field(factory=dict)


class Engine(Protocol):
    """A text generation engine. Opened once; after `EngineDead` a new instance is made."""

    async def open(self, deliver: Deliver, progress: Progress) -> EngineInfo:
        """Load and return when requests can be submitted; `progress` gets one short line a step.

        Raises `EngineStartFailed`. Cancelling it leaves no process behind.
        """

    def submit(self, request: GenerationRequest) -> None:
        """Hand a request over. Its outputs arrive through `deliver`: deltas, then exactly one end."""

    async def handed_over(self) -> None:
        """Return when what was submitted is on its way to the engine's own process. Never raises."""

    def abort(self, request_id: str) -> None:
        """Stop a request, queued or running. Unknown or ended ids are ignored. `Aborted` confirms it.

        Tokens that are generated for it all the same come as deltas without text, before or after that: they are
        counted, and nothing else.
        """

    async def watch(self) -> NoReturn:
        """Run until the engine dies, then raise `EngineDead`."""

    def stuck(self) -> str | None:
        """Why it makes no progress although it is alive, as seen from outside; None if nothing is known of it."""

    async def unfinished(self) -> int | None:
        """The engine's own count of requests that are running or queued, None if it cannot say. Bounded in time."""

    async def reset_prefix_cache(self) -> bool:
        """Drop the prefix cache if the engine is idle; whether it really did. Bounded in time."""

    async def close(self) -> None:
        """End everything, processes included. Idempotent, bounded in time, safe after a failed `open`."""


__all__ = [
    "Aborted",
    "Control",
    "Deliver",
    "Delta",
    "Engine",
    "EngineInfo",
    "Failed",
    "FinishReason",
    "Finished",
    "GenerationRequest",
    "Output",
    "Progress",
    "Sampling",
    "Usage",
]
