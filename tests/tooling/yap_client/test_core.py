"""The core against a model of the server, with frames under way in both directions and connections that end."""

import itertools
import json
from collections import deque
from typing import Any

import pytest
from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tooling.yap_client import (
    Backoff,
    Cancelled,
    ConnectError,
    Done,
    Failed,
    Lost,
    Message,
    ProtocolFault,
    ServerError,
)
from tooling.yap_client.conversation import Conversation
from tooling.yap_client.errors import ConnectionLost
from tooling.yap_client.heard import MAX_CHARS, MAX_MESSAGES, Exchange, Memory
from tooling.yap_client.opening import Setup
from tooling.yap_client.records import MAX_REPLY_CHARS, TurnRecord

TERMINAL = ("done", "cancelled", "error")


@define
class Server:
    """What the protocol says of one connection: at most one turn, a history that knows what was heard."""

    out: deque[dict[str, Any]] = field(factory=deque)
    history: list[list[str]] = field(factory=list)  # of said and replied
    turns: dict[str, int] = field(factory=dict)  # id to place in the history
    running: str | None = None
    said: dict[str, list[str]] = field(factory=dict)

    def read(self, frame: dict[str, Any]) -> None:
        """A frame of the client's."""
        kind, request_id, payload = frame["type"], frame["request_id"], frame["payload"]
        if kind == "cancel":
            stops = self.running == request_id
            ended = self._stop(request_id, payload["reason"]) if stops else None
            if ended is None:
                self._say(request_id, "cancelled", reason="not_running", turn=None)
            self._heard(payload)
        elif kind in ("start", "message"):
            assert request_id not in self.turns, "an id was used twice"
            if kind == "start" and not self.turns:
                self.history = [[message["role"], message["content"]] for message in payload["history"]]
            if self.running:
                self._stop(self.running, "barge_in")
            self._heard(payload)
            self.history.append(["user", payload["user_utterance"]])
            self.turns[request_id] = len(self.history)
            self.running, self.said[request_id] = request_id, []
            self._say(request_id, "ack", **{"for": kind, "ok": True})

    def token(self, text: str) -> None:
        """The engine said more."""
        assert self.running
        self.said[self.running].append(text)
        self._say(self.running, "token", text=text)

    def end(self, how: str) -> None:
        """The turn ends by itself."""
        request_id, self.running = self.running, None
        assert request_id
        if how == "done":
            self._store(request_id)
            self._say(request_id, "final", normalized_text="".join(self.said[request_id]))
            self._say(request_id, "done", usage={}, finish_reason="stop", timings={})
        else:
            code = "server_busy" if how == "busy" else "internal_error"
            if how == "busy":
                self.history = self.history[: self.turns[request_id] - 1]
            else:
                self._store(request_id)
            self._say(request_id, "error", code=code, message="m", details={"reason_code": "x"}, usage={})

    def _stop(self, request_id: str, reason: str) -> str:
        self.running = None
        self._store(request_id)
        self._say(request_id, "cancelled", reason=reason, turn=request_id, usage={})
        return request_id

    def _store(self, request_id: str) -> None:
        if self.said[request_id]:
            self.history.append(["assistant", "".join(self.said[request_id])])

    def _heard(self, payload: dict[str, Any]) -> None:
        played = payload.get("played") or {"request_id": "", "chars": 0}
        place = self.turns.get(played["request_id"])
        if place is None or place != len(self.history) - 1 or self.history[place][0] != "assistant":
            return  # only the newest reply can be cut
        text = self.history[place][1]
        if played["chars"] < len(text):
            kept = text[: played["chars"]].rstrip(" ")
            self.history[place:] = [["assistant", kept]] if kept.strip() else []

    def _say(self, request_id: str, kind: str, **payload: Any) -> None:
        self.out.append({"type": kind, "session_id": "s", "request_id": request_id, "payload": payload})


class Talk(RuleBasedStateMachine):
    """A client that speaks, interrupts, cancels and loses its connection, over a wire that takes its time."""

    def __init__(self) -> None:
        super().__init__()
        counter = itertools.count(1)
        self.core = Conversation(Setup(prompt="p"), lambda kind: f"{kind}-{next(counter)}")
        self.records: list[TurnRecord] = []
        self.seen: dict[str, list[str]] = {}
        self.unsent_mark = False
        self.connect()

    def connect(self) -> None:
        self.server = Server()
        self.wire: deque[str] = deque()
        self.core.connected()

    @rule(text=st.sampled_from(["hi", "and?"]))
    def speaks(self, text: str) -> None:
        record, frame = self.core.turn("message", text, None, 0.0)
        self.records.append(record)
        self.wire.append(frame)
        self.unsent_mark = False

    @precondition(lambda self: self.records and self.records[-1].ending is None)
    @rule()
    def cancels_the_newest(self) -> None:
        self.wire.append(self.core.cancel(self.records[-1], None))
        self.unsent_mark = False

    @precondition(lambda self: self.core.latest is not None and self.core.latest is self.records[-1])
    @rule(chars=st.integers(0, 8))
    def hears(self, chars: int) -> None:
        """Of what has arrived, as a player does."""
        self.records[-1].exchange.heard = min(chars, len(self.records[-1].text))
        self.unsent_mark = True

    @precondition(lambda self: self.wire)
    @rule()
    def the_server_reads(self) -> None:
        self.server.read(json.loads(self.wire.popleft()))

    @precondition(lambda self: self.server.out)
    @rule()
    def the_client_reads(self) -> None:
        frame = self.server.out.popleft()
        self.seen.setdefault(frame["request_id"], []).append(frame["type"])
        self.core.receive(json.dumps(frame), 1.0)

    @precondition(lambda self: self.server.running)
    @rule(text=st.sampled_from(["a", "b c ", " "]))
    def the_engine_says(self, text: str) -> None:
        self.server.token(text)

    @precondition(lambda self: self.server.running)
    @rule(how=st.sampled_from(["done", "failed"]))
    def the_engine_ends(self, how: str) -> None:
        self.server.end(how)

    @precondition(lambda self: self.server.running and not self.server.said[self.server.running])
    @rule()
    def the_engine_is_busy(self) -> None:
        self.server.end("busy")

    @rule()
    def the_connection_ends(self) -> None:
        """What was under way is gone; what was never acked may be said again, and here the newest is."""
        self.core.lost(ConnectionLost(1006), 2.0)
        open_before = [record for record in self.records if record.ending is None]
        assert all(record.ack is None for record in open_before)
        assert list(self.core.open.values()) == open_before
        told = self.core.history()
        self.connect()
        for record in open_before[:-1]:
            self.core.give_up(record, ConnectionLost(1006), 2.0)
        if open_before:
            frame = json.loads(self.core.again(open_before[-1], 3.0))
            assert frame["type"] == "start"
            assert [(one["role"], one["content"]) for one in frame["payload"]["history"]] == [
                (message.role, message.content) for message in told
            ]
            self.wire.append(json.dumps(frame))
            self.unsent_mark = False

    @rule()
    def all_is_quiet(self) -> None:
        """Everything arrives and every turn ends: both sides remember the same."""
        while self.wire or self.server.out or self.server.running:
            if self.wire:
                self.the_server_reads()
            elif self.server.out:
                self.the_client_reads()
            else:
                self.server.end("done")
        assert not self.core.open
        assert all(record.ending for record in self.records)
        if not self.unsent_mark and self.server.turns:
            ours = [[message.role, message.content] for message in self.core.history()]
            assert ours == [one for one in self.server.history if one[1].strip()]

    @invariant()
    def a_turn_has_one_ending_and_all_its_text(self) -> None:
        for record in self.records:
            kinds = self.seen.get(record.request_id, [])
            ended = [kind for kind in kinds if kind in TERMINAL]
            if isinstance(record.ending, Done | Failed):
                assert ended
            if isinstance(record.ending, Lost):
                assert not ended
            assert record.ending is None or record.request_id not in self.core.open
            assert record.ending is not None or record.request_id in self.core.open

    @invariant()
    def reading_gives_all_there_is_in_order(self) -> None:
        for record in self.records:
            while (event := record.take()) is not None:
                if isinstance(event, Done | Cancelled | Failed | Lost):
                    assert record.ending is event
                    assert record.take() is None


@pytest.mark.parametrize(
    ("heard", "reply"), [(None, "One  two."), (99, "One  two."), (5, "One"), (4, "One"), (2, "On"), (0, "")]
)
def test_a_reply_is_remembered_as_far_as_it_was_heard(heard: int | None, reply: str) -> None:
    told = Exchange("hi", "One  two.", heard).messages()
    assert told == [Message("user", "hi"), *([Message("assistant", reply)] if reply else [])]


def test_a_history_is_as_long_as_a_server_takes_and_the_oldest_goes_first() -> None:
    memory = Memory(Message("user", f"imported {number}") for number in range(2000))
    assert [message.content for message in memory.messages()][:1] == [f"imported {2000 - MAX_MESSAGES}"]
    for number in range(MAX_MESSAGES):
        memory.add(Exchange(f"said {number}", "x" * 1000))
    told = memory.messages()
    assert sum(len(message.content) for message in told) <= MAX_CHARS
    assert (told[-2].content, len(told) < MAX_MESSAGES) == (f"said {MAX_MESSAGES - 1}", True)


def test_a_reply_beyond_all_bounds_breaks_the_protocol() -> None:
    core = Conversation(Setup(prompt="p"), lambda kind: kind)
    core.connected()
    record, _ = core.turn("message", "hi", None, 0.0)
    ids = {"session_id": "s", "request_id": record.request_id}
    frame = json.dumps({"type": "token", **ids, "payload": {"text": "x" * (MAX_REPLY_CHARS // 2)}})
    core.receive(frame, 1.0)
    core.receive(frame, 1.0)
    with pytest.raises(ProtocolFault, match="more than"):
        core.receive(frame, 1.0)


@given(st.integers(1, 20), st.floats(0, 1), st.sampled_from([None, 0, 3, 31]))
def test_pauses_grow_within_bounds_and_are_never_shorter_than_asked_for(
    attempt: int, dice: float, retry_in: int | None
) -> None:
    details = {} if retry_in is None else {"retry_in": retry_in}
    busy = ServerError("server_busy", "engine_unavailable", "m", details)
    backoff = Backoff(attempts=15)
    pause = backoff.pause_s(attempt, busy, dice)
    if attempt >= 15 or retry_in == 31:
        assert pause is None
    else:
        assert pause is not None
        assert (retry_in or 0) + 0.25 <= pause <= (retry_in or 0) + 8
        usual = pause - (retry_in or 0)
        assert usual == pytest.approx(min(8, 0.5 * 2 ** (attempt - 1)) * (1 - dice / 2))


@pytest.mark.parametrize("code", ["authentication_failed", "rate_limited", "invalid_settings", "internal_error"])
def test_other_errors_are_never_tried_again(code: str) -> None:
    assert Backoff().pause_s(1, ServerError(code, "x", "m", {}), 0.5) is None
    assert Backoff().pause_s(1, ProtocolFault("x"), 0.5) is None
    assert Backoff().pause_s(1, ConnectError("x", status=401, passing=False), 0.5) is None


Talk.TestCase.settings = settings(max_examples=settings().max_examples, stateful_step_count=40)
TestTalk = Talk.TestCase
