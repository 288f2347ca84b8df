"""One turn in the hands of the user: its text and events as they come, and what became of it."""

from collections.abc import AsyncIterator
from typing import Protocol

from .backend import Backend, Bell
from .events import Ack, Cancelled, Decision, Done, Ending, Event, Failed, Lost, Timings, Token, Usage
from .reading import Reading
from .records import TurnRecord


class Floor(Protocol):
    """What a turn needs of its session."""

    async def stop(self, record: TurnRecord, reason: str | None = None) -> None:
        """Send `cancel`, if the turn runs and the connection is there; whatever happens to the caller meanwhile."""

    def pause_before_again(self, record: TurnRecord, attempt: int, failed: Failed) -> float | None:
        """Seconds after which a turn that was not served may be sent again; None: not at all."""

    async def again(self, record: TurnRecord, pause_s: float, failed: Failed) -> None:
        """Send it again after the pause, and wait for its ack. Raises the failure where nobody wants it any more."""


class Turn:
    """A turn that the server took. Its tokens wait here, however late they are read, and hold up nothing else.

    Where a busy server takes it back before anything came of it, reading on sends it again, as the backoff says.
    """

    def __init__(self, floor: Floor, record: TurnRecord, backend: Backend, wait_s: float) -> None:
        self.record = record
        self._floor = floor
        self._wait_s = wait_s
        self._attempt = 1
        self._bell = Bell(backend)
        self._owned = False
        record.wake = self._bell.ring

    def __repr__(self) -> str:
        ending = type(self.ending).__name__ if self.ending else "running"
        return f"<Turn {self.request_id} {ending}>"

    @property
    def request_id(self) -> str:
        """Its id; another one after it was sent again to a busy server."""
        return self.record.request_id

    @property
    def so_far(self) -> str:
        """What has arrived of the reply, read or not."""
        return self.record.text

    @property
    def ack(self) -> Ack | None:
        """How the server took it."""
        return self.record.ack

    @property
    def decision(self) -> Decision | None:
        """The tool router's decision, once it came."""
        return self.record.decision

    @property
    def ending(self) -> Ending | None:
        """What it ended with; None while it runs."""
        return self.record.ending

    @property
    def usage(self) -> Usage | None:
        """Tokens used, once it ended and if the server said."""
        return self.ending.usage if isinstance(self.ending, Done | Cancelled | Failed) else None

    @property
    def finish_reason(self) -> str | None:
        """`stop`, `length` or `tool`, once it is done."""
        return self.ending.finish_reason if isinstance(self.ending, Done) else None

    @property
    def timings(self) -> Timings | None:
        """Where the server spent its time, once it is done."""
        return self.ending.timings if isinstance(self.ending, Done) else None

    @property
    def ttft_s(self) -> float | None:
        """Seconds from sending to the first text, as seen from here."""
        return self.record.tokens[0].at - self.record.sent_at if self.record.tokens else None

    @property
    def total_s(self) -> float | None:
        """Seconds from sending to the end, as seen from here."""
        return None if self.ending is None else self.ending.at - self.record.sent_at

    def heard(self, chars: int) -> None:
        """The user has heard the first `chars` code points of this turn's text. Say it as often as it changes.

        It goes to the server with the next frame that can carry it, a turn or a cancel, and cuts what both sides
        remember of the reply. Never said means: all of it.
        """
        if isinstance(chars, bool) or not isinstance(chars, int) or chars < 0:
            raise ValueError("heard takes a number of characters, 0 or more")
        self.record.exchange.heard = chars

    async def cancel(self, reason: str | None = None) -> Ending:
        """Stop it, and wait for its end, which may be another than `Cancelled` if the two crossed.

        Raises `TimedOut`, and `ServerError` if the server refuses to stop it (too many cancels), also where the turn
        has come to its end meanwhile.
        """
        record = self.record
        record.complaint = None
        await self._floor.stop(record, reason)
        await self._bell.until(lambda: bool(record.ending or record.complaint), self._wait_s, "end of the turn")
        if record.complaint is not None:
            raise record.complaint
        assert record.ending is not None
        return record.ending

    def events(self) -> AsyncIterator[Event]:
        """Every event that was not read yet, the last one `Done` or `Cancelled`.

        Raises `ServerError` where the turn failed, `ConnectionLost` where it was lost, and `TimedOut`.
        """
        return Reading(self.next_event, lambda event: event)

    def text(self) -> AsyncIterator[str]:
        """The reply, piece by piece as it comes; ends where the turn does. Raises what `events` raises."""
        return Reading(self.next_event, lambda event: event.text if isinstance(event, Token) else None)

    async def reply(self) -> str:
        """Wait for the end, then the whole text; of a cancelled turn what there is. Raises what `events` raises."""
        async for _ in self.events():
            pass
        return self.so_far

    def own(self) -> None:
        """A block has the turn: it is stopped where the block is left, and not where a wait is given up."""
        self._owned = True

    async def next_event(self) -> Event | None:
        """The next event; None after the last."""
        try:
            return await self._next()
        except Exception:
            raise
        except BaseException:  # the task or scope that waits is cancelled, and with it what it waits for
            if not self._owned:
                await self._floor.stop(self.record)
            raise

    async def _next(self) -> Event | None:
        record = self.record
        while True:
            event = record.take()
            if isinstance(event, Failed):
                pause_s = self._floor.pause_before_again(record, self._attempt, event)
                if pause_s is None:
                    raise event.error
                self._attempt += 1
                await self._floor.again(record, pause_s, event)
            elif isinstance(event, Lost):
                raise event.error
            elif event is not None or record.ending is not None:
                return event
            else:
                await self._bell.until(lambda: record.unread, self._wait_s, "frame of the turn")


__all__ = ["Floor", "Turn"]
