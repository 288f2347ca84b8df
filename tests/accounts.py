"""An accountant beside the referee: what actors tell of turns has to be what their clients saw.

Every accepted turn is over exactly once; its status is its terminal frame; its tokens are that frame's; each stop has
one cause; and the recorder's books, which are made of nothing else, add up to the same.
"""

from collections import Counter

from attrs import define, field

from actors.happenings import (
    AbortConfirmed,
    AbortTold,
    Happening,
    SessionClosed,
    SessionOpened,
    TurnAccepted,
    TurnOver,
    TurnStatus,
)
from actors.session.effects import AbortCause
from engines.base import Usage
from protocol.frames import Address
from runtime.telemetry import catalogue as of
from runtime.telemetry.books import Books, Distribution, Snapshot
from runtime.telemetry.instruments import Instrument
from runtime.telemetry.recorder import Model, Recorder, zeroes
from tests.memory import Party

FRAMES = {TurnStatus.COMPLETED: "done", TurnStatus.CANCELLED: "cancelled", TurnStatus.FAILED: "error"}


@define(eq=False)
class Accountant:
    """An observer that objects to the first thing that cannot be."""

    paces: bool = True
    sessions: set[int] = field(factory=set)
    open: set[tuple[int, int]] = field(factory=set)
    ended: list[TurnOver] = field(factory=list)
    aborts: Counter[AbortCause] = field(factory=Counter)
    confirmed: Counter[AbortCause] = field(factory=Counter)
    recorder: Recorder = field(factory=lambda: Recorder(Books(0, tuple(zeroes())), Model("scripted", "toy")))

    def report(self, happening: Happening) -> None:
        """Check it, and pass it on to the recorder."""
        match happening:
            case SessionOpened(session):
                assert session not in self.sessions
                self.sessions.add(session)
            case SessionClosed():
                self.sessions.remove(happening.session)
                assert not [turn for session, turn in self.open if session == happening.session], "a turn is left"
            case TurnAccepted(session, turn):
                assert session in self.sessions
                assert (session, turn) not in self.open
                self.open.add((session, turn))
            case TurnOver():
                self._over(happening)
            case AbortTold(cause, seconds):
                assert seconds >= 0
                self.aborts[cause] += 1
            case AbortConfirmed(cause, seconds):
                assert seconds >= 0
                self.confirmed[cause] += 1
                assert self.confirmed[cause] <= self.aborts[cause]
        self.recorder.report(happening)

    def _over(self, over: TurnOver) -> None:
        self.open.remove((over.session, over.turn))
        self.ended.append(over)
        assert (over.status is TurnStatus.CANCELLED) <= (over.cause is not None)
        assert over.read_at <= over.ended_at
        assert over.first_text_at is None or over.read_at <= over.first_text_at <= over.ended_at
        for generation in over.generations:
            assert (generation.end == "aborted") == (generation.cause is not None)
            arrivals = list(generation.arrivals)
            assert arrivals == sorted(arrivals)
            assert len(arrivals) <= generation.usage.completion_tokens
            assert not arrivals or generation.submitted_at <= arrivals[0] <= arrivals[-1] <= generation.ended_at

    def compare(self, client: Party, session: int) -> None:
        """What was told of a client's turns is what the client was told."""
        told = {over.request_id: over for over in self.ended if over.session == session}
        for request_id, account in client.referee.turns.items():
            over = told.get(request_id)
            if account.end is None:
                continue  # it was gone before it could hear
            assert over is not None, f"{request_id} ended and nobody was told"
            assert account.end["type"] == FRAMES[over.status]
            usage = account.end["payload"].get("usage")
            if usage is not None:
                assert usage["completion_tokens"] == over.usage.completion_tokens
                assert usage["prompt_tokens"] == over.usage.prompt_tokens

    def compare_crash(self, owed: tuple[Address, Usage] | None, session: int) -> None:
        """What the barrier tells the client of a turn that crashed is what was told of it."""
        if owed is None:
            return
        address, usage = owed
        (over,) = [over for over in self.ended if (over.session, over.request_id) == (session, address.request_id)]
        assert over.status is TurnStatus.FAILED
        assert over.usage == usage

    def balance(self) -> None:
        """The books are the sum of what was told."""
        books, ended = self.recorder.books.snapshot(), self.ended
        by_status = Counter(over.status.value for over in ended)
        assert total(books, of.REQUESTS_ACCEPTED) - len(self.open) == total(books, of.REQUESTS) == len(ended)
        for status in TurnStatus:
            assert total(books, of.REQUESTS, status.value) == by_status[status.value]
        assert total(books, of.TOKENS_GENERATED) == sum(over.usage.completion_tokens for over in ended)
        assert total(books, of.CANCELLATIONS) == by_status["cancelled"]
        completed = [over for over in ended if over.status is TurnStatus.COMPLETED]
        assert count(books, of.REQUEST_LATENCY) == len(completed)
        assert count(books, of.TTFT) == sum(over.first_text_at is not None for over in ended)
        gaps = sum(max(0, len(generation.arrivals) - 1) for over in ended for generation in over.generations)
        assert count(books, of.TOKEN_LATENCY) == gaps


def total(books: Snapshot, instrument: Instrument, *attributes: str) -> float:
    """The sum of a counter's rows that begin with these attributes."""
    rows = books.get(instrument, {})
    return sum(
        value for key, value in rows.items() if key[: len(attributes)] == attributes and isinstance(value, int | float)
    )


def count(books: Snapshot, instrument: Instrument) -> int:
    """How many values a histogram holds."""
    return sum(value.count for value in books.get(instrument, {}).values() if isinstance(value, Distribution))


__all__ = ["Accountant", "count", "total"]
