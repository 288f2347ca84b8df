"""The books of the engine's actor: whose request is alive, which aborts the engine has not confirmed, the totals."""

from collections import Counter
from contextlib import suppress

import trio
from attrs import define, field, frozen

from actors.engine.messages import Answer, Ended, ReplyTo
from actors.generation import Generation
from actors.session.effects import AbortCause
from engines.base import Aborted, Failed, Finished


@frozen
class Request:
    """A request that the engine has: who gets its text, and who is told of its end."""

    generation: Generation
    turn: ReplyTo


@frozen
class Dying:
    """A request that was aborted: when, why, and when the cause was read."""

    at: float
    cause: AbortCause
    since: float


@define(eq=False)
class Requests:
    """`live`: running or queued, by request id. `dying`: aborted, until the engine confirms it. `aborts`: what the
    engine was told to stop, by cause.
    """

    live: dict[str, Request] = field(factory=dict)
    dying: dict[str, Dying] = field(factory=dict)
    aborts: Counter[AbortCause] = field(factory=Counter)
    _confirmed: trio.Event = field(factory=trio.Event)

    @property
    def pending(self) -> int:
        """Requests that the engine still has to say something of."""
        return len(self.live) + len(self.dying)

    def abort(self, request_id: str, cause: AbortCause, since: float, now: float) -> bool:
        """A request is alive no more, and dying; whether it was alive. `since`: when the cause was read."""
        request = self.live.pop(request_id, None)
        if request is None:
            return False
        self.aborts[cause] += 1
        self.dying[request_id] = Dying(now, cause, since)
        tell(request.turn, Ended(request_id, Aborted()))
        return True

    def end(self, request_id: str, how: Finished | Failed) -> None:
        """The engine has said its last word on a live request."""
        request = self.live.pop(request_id)
        tell(request.turn, Ended(request_id, how))

    def end_all(self, how: Failed) -> None:
        """The engine is gone, and every request with it."""
        for request_id in list(self.live):
            self.end(request_id, how)
        self.dying.clear()
        self._announce()

    def confirm(self, request_id: str) -> Dying | None:
        """The engine will say nothing more of an aborted request; which one that was."""
        gone = self.dying.pop(request_id, None)
        self._announce()
        return gone

    async def wait_aborts_confirmed(self) -> None:
        """Return when the engine has confirmed every abort."""
        while self.dying:
            await self._confirmed.wait()

    def _announce(self) -> None:
        self._confirmed.set()
        self._confirmed = trio.Event()


def tell(turn: ReplyTo, answer: Answer) -> None:
    """Answer a turn; one that is gone has closed its end, and nobody waits."""
    with suppress(trio.BrokenResourceError):
        turn.send_nowait(answer)


__all__ = ["Dying", "Request", "Requests", "tell"]
