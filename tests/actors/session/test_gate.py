"""Gate and machine together, against a model of the protocol: any frames, in any order, at any time.

The model predicts what becomes of every frame: the reason code of its refusal, or the effects it has on the session.
"""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from actors.session import effects as do
from actors.session import events as ev
from actors.session.events import Ending
from actors.session.gate import REMEMBERED_IDS, Gate
from actors.session.machine import step
from actors.session.state import Phase, Session
from protocol.errors import PeerProtocolError
from protocol.limits import Window
from tests.harness import deployment
from tests.referee import Mode

MESSAGES, CANCELS, WINDOW_S = 6, 3, 60
TURNS = ("start", "message", "followup")
OWN, OTHER = "s", "t"
IDS = st.sampled_from([f"r{number}" for number in range(12)])
GOOD: dict[str, Any] = {"user_utterance": "hi", "analysis_text": "a cat", "chat_prompt": "be kind"}
FLAWS: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, ""),
    "nulls": ({"gender": None, "history": None, "sampling": None, "played": None, "reason": None}, ""),
    "a played of nobody": ({"played": {"request_id": "never", "chars": 3}}, ""),
    "no text": ({"user_utterance": None, "analysis_text": None}, "missing_"),
    "blank text": ({"user_utterance": " ", "analysis_text": "\n"}, "missing_"),
    "huge text": ({"user_utterance": "x" * 100_001, "analysis_text": "x" * 100_001}, "utterance_too_large"),
    "numeric text": ({"user_utterance": 1, "analysis_text": 1}, "invalid_"),
    "bad sampling": ({"sampling": {"top_k": 99}}, "top_k_out_of_range"),
    "bad played": ({"played": 5}, "invalid_played"),
}
MALFORMED = ("", "{", "[]", '{"type":"start"}', '{"type":"message","session_id":"s","request_id":"r1"}', b"{}")


def gate(mode: Mode = Mode.BOTH, messages: int = 0, cancels: int = 0) -> Gate:
    return Gate(
        deployment(mode),
        Window("message", messages, WINDOW_S),
        Window("cancel", cancels, WINDOW_S),
        today=lambda: datetime(2026, 5, 4, tzinfo=UTC),
    )


def frame(kind: str, request_id: str = "r", session_id: str = OWN, **payload: Any) -> str:
    return json.dumps({"type": kind, "session_id": session_id, "request_id": request_id, "payload": payload})


def reason_code(door: Gate, text: str | bytes, now: float = 0.0) -> str:
    with pytest.raises(PeerProtocolError) as caught:
        door.read(text, now)
    return caught.value.reason_code


class Frames(RuleBasedStateMachine):
    """Everything a client may do to a connection, and the engine's ends of turns."""

    @initialize(mode=st.sampled_from(Mode))
    def open(self, mode: Mode) -> None:
        self.mode, self.now = mode, 1000.0
        self.gate, self.session = gate(mode, MESSAGES, CANCELS), Session()
        self.bound = False
        self.used: list[str] = []
        self.spent: dict[str, list[float]] = {"message": [], "cancel": []}
        self.open_turns: list[str] = []
        self.working: int | None = None

    alive = precondition(lambda self: self.session.phase is not Phase.CLOSED)

    # -- the model -----------------------------------------------------------------------------------------------------

    def _rate(self, kind: str, limit: int) -> bool:
        """Whether the bucket takes one more; then it is recorded."""
        recent = [at for at in self.spent[kind] if at > self.now - WINDOW_S]
        if len(recent) >= limit:
            return False
        self.spent[kind] = [*recent, self.now]
        return True

    def _predict(self, kind: str, request_id: str, session_id: str, flaw: str) -> str:
        """The reason code of a refusal, "" for none."""
        if kind in ("ping", "pong", "end"):
            return ""
        bucket = "cancel" if kind == "cancel" else "message"
        if not self._rate(bucket, CANCELS if kind == "cancel" else MESSAGES):
            return f"{bucket}_rate_limited"
        if kind not in (*TURNS, "cancel"):
            return "unknown_message_type"
        if not self.bound and kind in ("message", "followup"):
            return "no_active_session"
        if self.bound and session_id != OWN:
            return "invalid_session_id"
        if kind in TURNS and request_id in self.used:
            return "duplicate_request_id"
        return self._predict_payload(kind, flaw)

    def _predict_payload(self, kind: str, flaw: str) -> str:
        code = FLAWS[flaw][1]
        if kind == "cancel":
            return code if flaw == "bad played" else ""
        if kind == "followup":
            if self.mode is Mode.TOOL:
                return "followup_unavailable"
            code = "" if flaw in ("bad sampling", "bad played") else code
        if flaw == "bad sampling" and self.mode is Mode.TOOL:
            return ""
        return code + ("analysis_text" if kind == "followup" else "user_utterance") if code.endswith("_") else code

    # -- the client ----------------------------------------------------------------------------------------------------

    @alive
    @rule(
        kind=st.sampled_from([*TURNS, "message", "message", "cancel", "ping", "pong", "nonsense"]),
        request_id=IDS,
        session_id=st.sampled_from([OWN, OWN, OWN, OTHER]),
        flaw=st.sampled_from(["nothing", "nothing", "nothing", *FLAWS]),
    )
    def says(self, kind: str, request_id: str, session_id: str, flaw: str) -> None:
        if not self.bound and kind == "start":
            session_id = OWN
        expected = self._predict(kind, request_id, session_id, flaw)
        first_start = kind == "start" and not self.bound
        text = frame(kind, request_id, session_id, **{**GOOD, **FLAWS[flaw][0]})
        if expected:
            self.refused(text, expected, (session_id, request_id), first_start=first_start)
            return
        event = self.gate.read(text, self.now)
        if isinstance(event, ev.TurnRequested):
            assert event.routed == (self.mode is not Mode.CHAT and kind != "followup")
            assert (event.opening is not None) == first_start
            assert event.turn == len(self.used) + 1
            self.bound = True
            self.used.append(request_id)
        elif isinstance(event, ev.CancelRequested):
            assert event.used == (request_id in self.used)
            self.cancelled(event)
            return
        if event is not None:
            self.feed(event)

    def refused(self, text: str, reason: str, ids: tuple[str, str], *, first_start: bool) -> None:
        """A refusal names its reason and its frame; only a first start that is wrong closes the connection."""
        with pytest.raises(PeerProtocolError) as caught:
            self.gate.read(text, self.now)
        error, before = caught.value, self.session
        assert error.reason_code == reason
        assert (error.session_id, error.request_id) == ids
        fatal = first_start and error.code != "rate_limited"
        assert error.close_code == (1008 if fatal else None)
        self.feed(ev.FrameRefused(error))
        assert self.session.phase is (Phase.CLOSED if fatal else before.phase)

    def cancelled(self, event: ev.CancelRequested) -> None:
        """A cancel hits the open turn if it names it or nobody; else it disturbs nothing."""
        hits = bool(self.open_turns) and (not event.used or event.request_id == self.open_turns[0])
        before = self.session
        effects = self.feed(event)
        if hits:
            assert self.open_turns == []
        else:
            assert effects == (do.AnswerNotRunning(event),)
            assert self.session == before

    @alive
    @rule(text=st.sampled_from(MALFORMED))
    def sends_something_malformed(self, text: str | bytes) -> None:
        with pytest.raises(PeerProtocolError) as caught:
            self.gate.read(text, self.now)
        assert caught.value.code == "invalid_message"
        before = self.session
        self.feed(ev.FrameRefused(caught.value))
        assert self.session == before

    @alive
    @precondition(lambda self: len(self.used) > 3)
    @rule(session_id=st.sampled_from([OWN, OTHER]))
    def says_goodbye(self, session_id: str) -> None:
        event = self.gate.read(frame("end", "bye", session_id), self.now)
        assert event == ev.EndRequested(session_id, "bye", self.now)
        self.feed(event)
        assert self.session.phase is Phase.CLOSED

    # -- the engine and the clock --------------------------------------------------------------------------------------

    @alive
    @precondition(lambda self: self.working is not None)
    @rule(how=st.sampled_from([Ending.COMPLETED, Ending.FAILED, Ending.BUSY]))
    def the_turns_task_ends(self, how: Ending) -> None:
        assert self.working is not None
        stopped = self.session.phase is Phase.CANCELLING
        number, self.working = self.working, None
        self.feed(ev.TurnEnded(turn=number, how=Ending.CANCELLED if stopped else how))

    @rule(seconds=st.sampled_from([0.5, 10, 59, 60]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    def feed(self, event: ev.Event) -> tuple[do.Effect, ...]:
        self.session, effects = step(self.session, event)
        for effect in effects:
            match effect:
                case do.AcceptTurn(request):
                    assert not self.open_turns, "acked while another acked turn has no terminal frame"
                    self.open_turns.append(request.request_id)
                case do.StartTurn(request):
                    assert self.working is None
                    self.working = request.turn
                case do.ReportCancelled(request) | do.ConcludeTurn(request):
                    self.open_turns.remove(request.request_id)
        return effects

    @invariant()
    def at_most_one_turn_is_open(self) -> None:
        if hasattr(self, "open_turns") and self.session.phase is Phase.IDLE:
            assert not self.open_turns


Frames.TestCase.settings = settings(max_examples=settings().max_examples // 4, stateful_step_count=40, deadline=None)
TestFrames = Frames.TestCase


def test_a_chat_prompt_over_its_tokens_is_refused_although_its_characters_fit() -> None:
    text = frame("start", **{**GOOD, "chat_prompt": "q z " * 1600})
    with pytest.raises(PeerProtocolError) as caught:
        gate().read(text, 0.0)
    assert caught.value.reason_code == "chat_prompt_too_long"
    told = re.search(r"has (\d+) tokens, the limit is 1500: .* CHAT_PROMPT_MAX_TOKENS", caught.value.message)
    assert told is not None
    assert int(told[1]) > 1500


def test_a_first_start_may_be_corrected_only_on_a_new_connection_but_binds_nothing() -> None:
    door = gate()
    assert reason_code(door, frame("start", user_utterance="hi")) == "missing_chat_prompt"
    assert door.session_id is None
    assert reason_code(door, frame("message", "r2", user_utterance="hi")) == "no_active_session"


def test_an_id_of_a_refused_frame_is_not_used_up() -> None:
    door = gate()
    door.read(frame("start", "a", **GOOD), 0)
    assert reason_code(door, frame("message", "b", user_utterance=" ")) == "missing_user_utterance"
    assert isinstance(door.read(frame("message", "b", user_utterance="now"), 0), ev.TurnRequested)


def test_used_ids_are_remembered_for_a_very_long_time_but_not_for_ever() -> None:
    door = gate(Mode.TOOL)
    for number in range(REMEMBERED_IDS + 1):
        door.read(frame("start" if not number else "message", f"r{number}", user_utterance="hi"), 0)
    assert reason_code(door, frame("message", "r1", user_utterance="hi")) == "duplicate_request_id"
    assert len(door._used) == REMEMBERED_IDS
    assert isinstance(door.read(frame("message", "r0", user_utterance="hi"), 0), ev.TurnRequested)


def test_a_history_is_counted_for_the_ack() -> None:
    history = [{"role": role, "content": role} for role in ("user", "assistant", "assistant", "user", "system")]
    event = gate().read(frame("start", **GOOD, history=history), 0)
    assert isinstance(event, ev.TurnRequested)
    assert event.opening is not None
    imported = event.opening.imported
    assert imported is not None
    assert (imported.input_messages, imported.input_turns, imported.retained_turns, imported.trimmed) == (
        5,
        2,
        2,
        False,
    )


def test_an_integer_session_id_is_the_same_as_its_decimal_text() -> None:
    door = gate()
    door.read(json.dumps({"type": "start", "session_id": 7, "request_id": 1, "payload": GOOD}), 0)
    assert isinstance(door.read(frame("message", "2", "7", user_utterance="hi"), 0), ev.TurnRequested)
    assert reason_code(door, frame("message", "1", "7", user_utterance="hi")) == "duplicate_request_id"
