"""An engine that is watched: when it was closed, what it is asked too early, what it brings too late."""

import random
from collections.abc import Callable, Sequence

import trio
from attrs import define, field

from engines.base import Deliver, Delta, EngineInfo, GenerationRequest, Output, Progress
from engines.errors import EngineUnavailable
from engines.scripted import ScriptedEngine
from tests.simulation.judge import Judge

WARM_UP = "warmup-"


@define(eq=False)
class Watched(ScriptedEngine):
    """`late`: how often a step's text is handed over only with the next step's, as where the loop is late.

    `refuses`: whether a request is turned away at the door. `excused`: something was done to it for which it may be
    replaced. `made_at`, `closed_at`: seconds. `wasted`: tokens brought of requests that it had been told to stop.
    `said`: the texts of each request.
    """

    judge: Judge = field(kw_only=True)
    refuses: Callable[[GenerationRequest], bool] = field(kw_only=True)
    dice: random.Random = field(kw_only=True)
    late: float = field(kw_only=True, default=0.0)
    excused: bool = field(kw_only=True, default=False)
    made_at: float = field(factory=trio.current_time)
    closed_at: float | None = None
    wasted: int = 0
    said: dict[str, list[str]] = field(factory=dict)
    _held: list[tuple[str, Output]] = field(factory=list)

    async def open(self, deliver: Deliver, progress: Progress) -> EngineInfo:
        """As it is, with what it brings watched."""

        def watched(outputs: Sequence[tuple[str, Output]]) -> None:
            self._held += outputs
            if self.late and all(isinstance(each, Delta) for _, each in outputs) and self.dice.random() < self.late:
                return
            bring, self._held = self._held, []
            stopped = {name for name in self.aborted if not name.startswith(WARM_UP)}
            for name, each in bring:
                if isinstance(each, Delta):
                    self.said.setdefault(name, []).append(each.text)
            tokens = [each.tokens for name, each in bring if isinstance(each, Delta) and name in stopped]
            self.wasted += sum(tokens)
            deliver(bring)

        return await super().open(watched, progress)

    def submit(self, request: GenerationRequest) -> None:
        """As it is; a turn's request has to wait until the engine is warm."""
        if not request.id.startswith(WARM_UP) and any(name.startswith(WARM_UP) for name in self._requests):
            self.judge.broken("warm-up", f"{request.id} was handed to an engine that was warming up")
        if self.refuses(request):
            raise EngineUnavailable("the plan says so")
        super().submit(request)

    def die(self, why: str = "told to die") -> None:
        """As it is."""
        self.excused = True
        super().die(why)

    async def close(self) -> None:
        """As it is."""
        self.closed_at = trio.current_time()
        await super().close()


__all__ = ["WARM_UP", "Watched"]
