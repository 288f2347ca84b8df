"""The watch over a chat engine: whether it takes turns, and when it has to be given up."""

import math
from collections.abc import Callable
from typing import NoReturn

import structlog
import trio
from attrs import define, field

from actors.engine.condition import EngineLimits, EngineState
from actors.engine.pulse import Pulse
from actors.engine.requests import Requests
from engines.base import Engine
from engines.errors import EngineHung

log = structlog.get_logger()
WATCH_INTERVAL_S = 0.25
# Together less than the five seconds within which readiness has to fall when an idle engine stalls.
HEARTBEAT_S = 1.0
ANSWER_S = 3.0


@define(eq=False)
class Watch:
    """Judges one engine after the other by the signs of its pulse. `requests`: what it has to do."""

    limits: EngineLimits
    clock: Callable[[], float]
    requests: Requests
    state: EngineState = EngineState.DOWN
    engine: Engine | None = None
    last_submit_at: float = -math.inf
    _pulse: Pulse = field(factory=Pulse)
    _trouble: str | None = None

    def attach(self, engine: Engine) -> None:
        """A loaded engine takes over."""
        self.engine, self._pulse = engine, Pulse(self.clock())

    def ready(self) -> None:
        """The engine is warm."""
        self.state, self._trouble = EngineState.READY, None

    def detach(self) -> None:
        """The engine is gone."""
        self.state, self.engine = EngineState.DOWN, None

    @property
    def trouble(self) -> str | None:
        """Why it is stalled, None if it is not."""
        return self._trouble if self.state is EngineState.STALLED else None

    @property
    def silent_s(self) -> float | None:
        """Seconds since it last gave a sign of life, while one is due; None while none is."""
        since = self._pulse.since(self.requests.pending) if self.engine is not None else None
        return None if since is None else self.clock() - since

    def submitting(self) -> None:
        """It is about to get a request."""
        self.last_submit_at = self.clock()
        if not self.requests.pending:
            self._pulse.begin(self.last_submit_at)

    def output(self, now: float) -> None:
        """It said something."""
        self._pulse.output(now)
        if self.state is EngineState.STALLED:
            self._judge(now)

    async def run(self) -> NoReturn:
        """Raise `EngineHung` when the engine makes no progress for too long, or ignores an abort."""
        while True:
            await trio.sleep(WATCH_INTERVAL_S)
            self.check(self.clock())

    async def heartbeat(self) -> NoReturn:
        """Ask the engine something every second that it is idle; one that does not answer is stalled."""
        while True:
            await trio.sleep(HEARTBEAT_S)
            if self.engine is None or self.requests.pending:
                continue
            asked_at = self.clock()
            with trio.move_on_after(ANSWER_S) as patience:
                await self.engine.unfinished()
            if not patience.cancelled_caught:
                self._pulse.answer()
            elif not self.requests.pending and self.last_submit_at < asked_at:
                self._pulse.no_answer(asked_at)

    def check(self, now: float) -> None:
        """Look at it from outside. Raises `EngineHung`."""
        if self.engine is None:
            return
        pending, dying = self.requests.pending, self.requests.dying
        self._pulse.look(self.engine.stuck(), now)
        if dying and now - min(each.at for each in dying.values()) > self.limits.cancel_grace_s:
            raise EngineHung(f"no confirmation of an abort within {self.limits.cancel_grace_s:g} s")
        since = self._pulse.since(pending)
        if since is not None and now - since > self.limits.hang_timeout_s:
            why = self._pulse.trouble(now, pending, 0) or "no progress"
            raise EngineHung(f"{why}; given up after {now - since:.0f} s")
        self._judge(now)

    def _judge(self, now: float) -> None:
        """READY or STALLED, whatever the signs say; an engine that is not up is neither."""
        pending = self.requests.pending
        trouble = self._pulse.trouble(now, pending, self.limits.stall_timeout_s)
        if trouble and self.state is EngineState.READY:
            self.state = EngineState.STALLED
            log.warning("engine.stalled", why=trouble, pending=pending)
        elif not trouble and self.state is EngineState.STALLED:
            self.state = EngineState.READY
            log.info("engine.recovered", was=self._trouble)
        self._trouble = trouble


__all__ = ["ANSWER_S", "HEARTBEAT_S", "Watch"]
