"""What a client accepts from a server."""

from typing import Any

import pytest

from tooling.clients.failures import NoConnection, ProtocolBreach, Refused
from tooling.clients.session.checks import FrameChecks
from tooling.clients.session.exchange import Exchange, refusal
from tooling.clients.session.latency import TurnMeter
from tooling.yap_client.wire import Incoming

USAGE = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2, "cached_tokens": None}
ACK: tuple[str, dict[str, Any]] = ("ack", {"for": "start", "ok": True})
TOKEN: tuple[str, dict[str, Any]] = ("token", {"text": "hi"})
FINAL: tuple[str, dict[str, Any]] = ("final", {"normalized_text": "hi"})
DONE: tuple[str, dict[str, Any]] = ("done", {"usage": USAGE, "finish_reason": "stop"})
YES: tuple[str, dict[str, Any]] = ("toolcall", {"status": "yes", "raw": [{"name": "take_screenshot"}], "score": 0.9})
NO: tuple[str, dict[str, Any]] = ("toolcall", {"status": "no", "raw": [], "score": 0.1})
Frames = list[tuple[str, dict[str, Any]]]


def feed(frames: Frames, *, kind: str = "start") -> FrameChecks:
    checks = FrameChecks("s")
    checks.sent(kind, "r")
    for name, payload in frames:
        checks.received(Incoming(name, "s", "r", payload, 0.0))
    return checks


@pytest.mark.parametrize(
    "frames",
    [
        [ACK, TOKEN, FINAL, DONE],
        [ACK, YES, TOKEN, FINAL, DONE],
        [ACK, NO, ("final", {"normalized_text": ""}), ("done", {"usage": USAGE, "finish_reason": "tool"})],
        [ACK, TOKEN, ("cancelled", {"reason": "barge_in", "turn": "r"})],
        [("error", {"code": "invalid_payload"})],
        [ACK, TOKEN, ("error", {"code": "internal_error", "usage": USAGE})],
        [ACK, TOKEN, ("error", {"code": "rate_limited"}), TOKEN, ("cancelled", {"reason": "barge_in", "turn": "r"})],
        [ACK, TOKEN, FINAL, DONE, ("error", {"code": "invalid_message"})],
        [ACK, ("invented", {}), TOKEN, FINAL, DONE],
    ],
)
def test_a_turn_in_order_passes(frames: Frames) -> None:
    assert feed(frames).turns["r"].over


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        ([TOKEN], "before 'ack'"),
        ([ACK, ACK], "second 'ack'"),
        ([("ack", {"for": "message", "ok": True})], "does not confirm"),
        ([ACK, TOKEN, YES], "after the first 'token'"),
        ([ACK, NO, NO], "where none may come"),
        ([ACK, ("toolcall", {"status": "yes", "raw": []})], "do not agree"),
        ([ACK, ("toolcall", {"status": "no", "raw": [{"name": "x"}]})], "do not agree"),
        ([ACK, ("toolcall", {"status": "yes", "raw": [{}]})], "do not agree"),
        ([ACK, ("token", {"text": ""})], "without text"),
        ([ACK, TOKEN, ("final", {"normalized_text": "ho"})], "not the concatenation"),
        ([ACK, TOKEN, FINAL, FINAL], "second 'final'"),
        ([ACK, TOKEN, FINAL, TOKEN], "after 'final'"),
        ([ACK, TOKEN, DONE], "before 'final'"),
        ([ACK, TOKEN, FINAL, ("done", {"finish_reason": "stop"})], "usage"),
        ([ACK, TOKEN, FINAL, ("done", {"usage": {**USAGE, "total_tokens": "2"}, "finish_reason": "stop"})], "usage"),
        ([ACK, TOKEN, FINAL, ("done", {"usage": {**USAGE, "prompt_tokens": None}, "finish_reason": "stop"})], "usage"),
        ([ACK, TOKEN, FINAL, ("done", {"usage": USAGE, "finish_reason": "x"})], "finish_reason"),
        ([ACK, TOKEN, FINAL, DONE, TOKEN], "after the turn's terminal"),
        ([ACK, TOKEN, FINAL, DONE, DONE], "after the turn's terminal"),
        ([ACK, TOKEN, FINAL, DONE, ("error", {"code": "internal_error", "usage": USAGE})], "after the turn's terminal"),
        ([ACK, ("cancelled", {"turn": "r"}), ("cancelled", {"turn": "r"})], "second terminal"),
    ],
)
def test_a_turn_out_of_order_is_a_breach(frames: Frames, said: str) -> None:
    with pytest.raises(ProtocolBreach, match=said):
        feed(frames)


def test_a_followup_is_never_routed() -> None:
    with pytest.raises(ProtocolBreach, match="where none may come"):
        feed([("ack", {"for": "followup", "ok": True}), NO], kind="followup")


def test_a_frame_before_the_clients_first_is_a_breach_but_a_refusal_is_not() -> None:
    assert FrameChecks("s").received(Incoming("error", "unknown", "unknown", {"code": "authentication_failed"}, 0.0))
    with pytest.raises(ProtocolBreach, match="before the client's first"):
        FrameChecks("s").received(Incoming("pong", "s", "r", {}, 0.0))


@pytest.mark.parametrize(("session", "request_id", "said"), [("x", "r", "session_id"), ("s", "x", "request_id")])
def test_ids_that_are_not_the_clients_are_a_breach(session: str, request_id: str, said: str) -> None:
    checks = FrameChecks("s")
    checks.sent("start", "r")
    with pytest.raises(ProtocolBreach, match=said):
        checks.received(Incoming("ack", session, request_id, {"for": "start", "ok": True}, 0.0))


def test_a_cancel_that_crossed_the_end_of_its_turn_is_no_second_terminal() -> None:
    checks = feed([ACK, TOKEN, FINAL, DONE])
    checks.sent("cancel", "r")
    checks.received(Incoming("cancelled", "s", "r", {"reason": "not_running", "turn": None}, 0.0))


def test_a_cancel_with_an_id_of_its_own_ends_the_turn_it_names() -> None:
    checks = feed([ACK, TOKEN])
    checks.sent("cancel", "c")
    checks.received(Incoming("cancelled", "s", "c", {"reason": "client_request", "turn": "r"}, 0.0))
    with pytest.raises(ProtocolBreach, match="after the turn's terminal"):
        checks.received(Incoming("token", "s", "r", {"text": "x"}, 0.0))


def exchange() -> Exchange:
    return Exchange(request_id="r", kind="start", user="u", meter=TurnMeter(0.0))


def test_an_exchange_ignores_what_is_not_its_own() -> None:
    turn = exchange()
    assert not turn.feed(Incoming("token", "s", "other", {"text": "x"}, 1.0))
    assert not turn.feed(Incoming("cancelled", "s", "other", {"turn": "other"}, 1.0))
    assert turn.meter.text() == ""


@pytest.mark.parametrize(
    ("acked", "request_id", "usage", "over"),
    [
        (True, "r", USAGE, True),
        (True, "r", None, False),  # a cancel, or a second frame, of that id was refused
        (True, "unknown", None, False),
        (True, "other", USAGE, False),
        (False, "r", USAGE, True),
        (False, "r", None, True),  # the turn frame itself was refused
        (False, "unknown", None, True),  # turned away at the door
        (False, "other", None, False),
    ],
)
def test_an_error_ends_a_turn_if_it_has_usage_or_refuses_it(
    acked: bool, request_id: str, usage: dict[str, Any] | None, over: bool
) -> None:
    turn = exchange()
    if acked:
        assert not turn.feed(Incoming(*ACK[:1], "s", "r", ACK[1], 1.0))
    payload = {"code": "rate_limited"} | ({} if usage is None else {"usage": usage})
    assert turn.feed(Incoming("error", "s", request_id, payload, 2.0)) == over
    assert (turn.outcome, turn.error) == (("error", payload) if over else (None, None))


def test_an_exchange_without_text_and_decision_is_an_empty_reply() -> None:
    turn = exchange()
    assert turn.feed(Incoming("done", "s", "r", {"usage": USAGE, "finish_reason": "stop"}, 1.0))
    problem = turn.problem()
    assert problem is not None
    assert problem.kind == "empty"


@pytest.mark.parametrize(
    ("code", "expected", "hint"),
    [
        ("authentication_failed", NoConnection, "TEXT_API_KEY"),
        ("server_at_capacity", NoConnection, "MAX_CONCURRENT_CONNECTIONS"),
        ("rate_limited", Refused, "retry in 3 s"),
        ("internal_error", Refused, "internal_error/x"),
    ],
)
def test_an_error_frame_becomes_a_sentence_with_a_hint(code: str, expected: type[Exception], hint: str) -> None:
    error = refusal({"code": code, "message": "m", "details": {"reason_code": "x", "retry_in": 3}})
    assert type(error) is expected
    assert hint in str(error)
    assert str(error).startswith(f"ERROR {code}/x: m")
