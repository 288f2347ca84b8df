"""Callers on a virtual clock, on a line that says what the test wants."""

import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import trio
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from tooling.clients.capacity.caller import PATIENCE_S, Turn, call_for_ever
from tooling.clients.capacity.doors.line import Line, Reply
from tooling.clients.capacity.person import ANSWERS_AFTER_S, SPEAKS_S, TURNS_A_CALL, Person
from tooling.clients.failures import NoConnection

LINES = ["Hello there.", "What would you cook with an aubergine tonight?"]
Pieces = Sequence[tuple[float, str]]


@define
class Played:
    """A door whose every reply is the same: pieces of text, each after so many seconds; then the end, if it has one."""

    pieces: Pieces
    ends: bool = True
    refusals: int = 0
    calls: list[list[str]] = field(factory=list)
    url: str = "played"

    @asynccontextmanager
    async def call(self) -> AsyncIterator[Line]:
        if self.refusals:
            self.refusals -= 1
            raise NoConnection("refused")
        self.calls.append([])
        async with trio.open_nursery() as nursery:
            yield PlayedLine(self, nursery, self.calls[-1])
            nursery.cancel_scope.cancel()


@define
class PlayedLine:
    """Notes what it is told, when."""

    door: Played
    nursery: trio.Nursery
    notes: list[str]
    reply: Reply | None = None

    async def say(self, text: str, heard: int | None) -> Reply:
        if self.reply is not None:
            self.reply.close(trio.current_time())
        self.notes.append("say" if heard is None else f"say heard={heard}")
        self.reply = Reply(trio.current_time())
        self.nursery.start_soon(self._play, self.reply)
        return self.reply

    async def stop(self, heard: int) -> None:
        assert self.reply is not None
        self.notes.append(f"stop heard={heard}")
        self.reply.close(trio.current_time())

    async def _play(self, reply: Reply) -> None:
        for after_s, text in self.door.pieces:
            await trio.sleep(after_s)
            if reply.over.is_set():
                return
            reply.hear(text, trio.current_time())
        if self.door.ends:
            reply.close(trio.current_time())


def phone(door: Played, *, interrupts: float = 0.0, for_s: float = 300.0, seed: str = "a") -> list[Turn]:
    """The turns that one caller tells within so many virtual seconds."""
    turns: list[Turn] = []

    async def run() -> None:
        with trio.move_on_after(for_s):
            await call_for_ever(door, Person(seed, LINES, interrupts), 1.0, turns.append)

    trio.run(run, clock=MockClock(autojump_threshold=0))
    return turns


def test_a_caller_hears_replies_to_their_end_and_measures_from_the_moment_of_sending() -> None:
    turns = phone(Played([(0.1, "Well, "), (0.2, "yes. "), (0.1, "Of course it is.")]))
    assert len(turns) > 20
    assert {round(turn.ttft_ms or 0) for turn in turns} == {100}
    assert {round(turn.sentence_ms or 0) for turn in turns} == {300}
    assert not any(turn.interrupted or turn.ran_dry or turn.error for turn in turns)


def test_a_new_turn_comes_after_the_voice_has_ended_not_after_the_text() -> None:
    text = "word " * 45 + "end."
    turns = phone(Played([(0.1, "Yes. "), (0.0, text)]))
    pauses = [later.at - earlier.at for earlier, later in itertools.pairwise(turns)]
    assert min(pauses) > 46 / 4.5 + SPEAKS_S[0] + ANSWERS_AFTER_S[0]


def test_every_call_ends_and_another_begins() -> None:
    door = Played([(0.1, "Yes.")])
    phone(door, for_s=600)
    shortest, longest = TURNS_A_CALL
    assert len(door.calls) > 3
    assert all(shortest <= len(call) <= longest for call in door.calls[:-1])


def test_callers_cut_in_and_say_how_much_they_heard() -> None:
    door = Played([(0.1, "Yes. "), (0.0, "word " * 400)])
    turns = phone(door, interrupts=1.0, for_s=900)
    assert all(turn.interrupted for turn in turns)
    notes = [note for call in door.calls for note in call]
    heard = [int(note.partition("=")[2]) for note in notes if "heard" in note]
    assert {note.split()[0] for note in notes if "heard" in note} == {"say", "stop"}
    assert all(4 <= count < 400 for count in heard)


def test_a_cut_that_would_come_after_the_last_word_is_none() -> None:
    turns = phone(Played([(0.1, "Yes.")]), interrupts=1.0)
    assert turns
    assert not any(turn.interrupted for turn in turns)


def test_text_that_stays_away_runs_dry_and_is_no_failure() -> None:
    turns = phone(Played([(0.1, "Yes. "), (3.0, "And more. ")]))
    assert all(turn.ran_dry and not turn.error for turn in turns[:-1])


def test_silence_is_given_up_and_the_caller_calls_again() -> None:
    door = Played([(PATIENCE_S + 1, "late")], ends=False)
    turns = phone(door)
    assert {turn.error for turn in turns[:-1]} == {f"no sentence within {PATIENCE_S:g} s"}
    assert len(door.calls) >= len(turns) - 1


def test_a_reply_that_stalls_is_given_up() -> None:
    turns = phone(Played([(0.1, "Yes. "), (0.1, "And ")], ends=False))
    assert {turn.error for turn in turns[:-1]} == {f"no more text for {PATIENCE_S:g} s"}


def test_a_call_that_is_refused_is_a_failed_turn_and_tried_again() -> None:
    turns = phone(Played([(0.1, "Yes.")], refusals=2))
    assert [turn.error for turn in turns[:3]] == ["refused", "refused", ""]


def test_what_is_late_when_the_load_ends_is_told() -> None:
    (turn,) = phone(Played([(500.0, "late")]), for_s=8.0)
    assert (turn.ttft_ms, turn.sentence_ms, turn.error) == (None, None, "")


@given(st.text(min_size=1, max_size=8), st.floats(0, 1))
def test_the_same_seed_makes_the_same_caller(seed: str, interrupts: float) -> None:
    one, other = (Person(seed, LINES, interrupts) for _ in range(2))
    assert [one.says() for _ in range(5)] == [other.says() for _ in range(5)]
    assert one.turns() == other.turns()
