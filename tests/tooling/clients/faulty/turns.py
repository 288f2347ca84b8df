"""Faults in a turn: every client that sends one must find them."""

from collections.abc import Callable
from typing import Any

from tests.tooling.clients.faulty.fault import Fault
from tests.tooling.clients.faulty.host import Manners
from tests.tooling.clients.faulty.steps import (
    NO,
    USAGE,
    YES,
    Bytes,
    Close,
    Cut,
    Raw,
    Say,
    Step,
    Wait,
    ack,
    decision,
    done,
    final,
    good,
    tokens,
)
from tests.tooling.clients.faulty.wire import Frame

HI = Say("token", {"text": "hi"})
DECIDED = Say("toolcall", YES)
FOR_EVER: tuple[Step, ...] = (HI, Wait(5.0)) * 1000
PINGS_FOR_EVER: tuple[Step, ...] = (Bytes(b"\x89\x00"), Wait(5.0)) * 1000


def error(code: str, reason: str, *, ends: bool = True, **details: Any) -> Say:
    """An error frame; with `ends` it is the turn's terminal frame."""
    payload = {"code": code, "message": "what went wrong", "details": {"reason_code": reason} | details}
    return Say("error", payload | ({"usage": USAGE} if ends else {}))


def _turn(name: str, kind: str, *steps: Step, **more: Any) -> Fault:
    """After a good ack, these steps."""
    return Fault(name=name, kind=kind, server=Manners(turn=lambda frame: [ack(frame), *steps]), **more)


def _whole(name: str, kind: str, turn: Callable[[Frame], list[Step]], **more: Any) -> Fault:
    return Fault(name=name, kind=kind, server=Manners(turn=turn), **more)


def _decided(name: str, **payload: Any) -> Fault:
    """A decision that is none."""
    return _turn(name, "protocol", Say("toolcall", payload), HI, final([HI]), done(), tool="wrong_format")


def _ended(name: str, *end: Step) -> Fault:
    """A good reply, and an end that is not."""
    return _whole(name, "protocol", lambda frame: [ack(frame), *decision(frame), *tokens(frame), *end])


def _acked(name: str, **payload: Any) -> Fault:
    return _whole(name, "protocol", lambda frame: [Say("ack", payload), *good(frame)[1:]])


WAITS = (
    _whole("silence", "timeout", lambda _: []),
    _turn("silence after the ack", "timeout"),
    _turn("silence in mid-reply", "timeout", DECIDED, HI),
    _turn("a reply that never ends", "timeout", DECIDED, *FOR_EVER),
    _turn("pings without end in place of a reply", "timeout", *PINGS_FOR_EVER),
)
ENDS = (
    _turn("a close in mid-reply", "closed", DECIDED, HI, Close(1011, "internal_error"), tool="incomplete"),
    _turn("a close before the reply", "closed", Close(1011, "internal_error"), tool="connection_failed"),
    _turn("an end of TCP in mid-reply", "closed", DECIDED, HI, Cut(), tool="incomplete"),
    _turn("a shutdown in mid-reply", "closed", DECIDED, HI, Close(1001, "server_shutdown"), tool="incomplete"),
    _turn("an idle close in mid-reply", "closed", DECIDED, HI, Close(4000, "idle_timeout"), tool="incomplete"),
    _turn("an error in mid-reply", "server_error", HI, error("internal_error", "engine_error")),
    _turn("server_busy", "server_error", error("server_busy", "engine_queue_full", retry_in=2)),
    _whole("rate_limited", "server_error", lambda _: [error("rate_limited", "message_rate_limited", ends=False)]),
    _whole("a refused payload", "server_error", lambda _: [error("invalid_payload", "invalid_history", ends=False)]),
    _turn("an error without any words", "server_error", Say("error", {"usage": USAGE})),
    _turn("cancelled", "cancelled", Say("cancelled", {"reason": "server_shutdown", "turn": None, "usage": USAGE})),
    _turn("an empty reply", "empty", DECIDED, final([]), done(), tool="incomplete"),
    _turn(
        "a reply of blanks",
        "empty",
        DECIDED,
        Say("token", {"text": " "}),
        final([Say("token", {"text": " "})]),
        done(),
        tool="incomplete",
    ),
)
ORDER = (
    _whole("no ack", "protocol", lambda frame: good(frame)[1:]),
    _whole("a second ack", "protocol", lambda frame: [ack(frame), *good(frame)]),
    _whole("an ack after the reply has begun", "protocol", lambda frame: [*good(frame)[1:2], ack(frame)]),
    _turn("a token before the toolcall", "protocol", HI, Say("toolcall", NO)),
    _turn("a toolcall after the final", "protocol", final([]), Say("toolcall", NO)),
    _turn("two toolcalls", "protocol", DECIDED, DECIDED),
    _ended("done without final", done()),
    _ended(
        "a second final",
        Say("final", {"normalized_text": "Hello there, friend."}),
        Say("final", {"normalized_text": ""}),
    ),
    _turn("a token after the final", "protocol", HI, final([HI]), HI),
    _whole("a second done", "protocol", lambda frame: [*good(frame), done()]),
    _whole("a late token", "protocol", lambda frame: [*good(frame), HI]),
    _whole("an error after done", "protocol", lambda frame: [*good(frame), error("internal_error", "engine_error")]),
    _whole(
        "cancelled after done",
        "protocol",
        lambda frame: [*good(frame), Say("cancelled", {"reason": "x", "turn": frame["request_id"]})],
    ),
    Fault(name="a frame before the first", kind="protocol", server=Manners(first=(Say("pong"),))),
    Fault(name="a token before the first", kind="protocol", server=Manners(first=(HI,))),
)
IDS = (
    _whole("an ack of another turn", "protocol", lambda frame: [Say("ack", ack(frame).payload, request_id="start-0")]),
    _turn("a token of another turn", "protocol", Say("token", {"text": "hi"}, request_id="start-0")),
    _turn("a token of another session", "protocol", Say("token", {"text": "hi"}, session_id="somebody-else")),
    _turn("done of another session", "protocol", HI, final([HI]), Say("done", done().payload, session_id="x")),
    _turn(
        "an error of another session", "protocol", Say("error", error("internal_error", "x").payload, session_id="x")
    ),
    _turn(
        "cancelled of another turn", "protocol", Say("cancelled", {"reason": "x", "turn": None}, request_id="start-0")
    ),
)
CONTENT = (
    _acked("an ack of another kind", **{"for": "pong", "ok": True}),
    _acked("an ack that is not ok", **{"for": "start", "ok": False}),
    _acked("an ack without anything"),
    _decided("raw against status: yes without a name", status="yes", raw=[], score=0.9),
    _decided("raw against status: no with a name", status="no", raw=YES["raw"], score=0.9),
    _decided("raw with an object that has no name", status="yes", raw=[{}], score=0.9),
    _decided("raw that is no list", status="no", raw=None, score=0.9),
    _decided("a status of its own", status="maybe", raw=[], score=0.9),
    _turn("a token without text", "protocol", Say("token", {"text": ""})),
    _turn("a token whose text is a number", "protocol", Say("token", {"text": 7})),
    _turn("a final that differs", "protocol", HI, Say("final", {"normalized_text": "ho"})),
    _turn("a final without text", "protocol", HI, Say("final")),
    _turn("done without usage", "protocol", HI, final([HI]), Say("done", {"finish_reason": "stop"})),
    _turn("usage in words", "protocol", HI, final([HI]), done(usage=USAGE | {"total_tokens": "eight"})),
    _turn("usage below zero", "protocol", HI, final([HI]), done(usage=USAGE | {"total_tokens": -8})),
    _turn("usage that lacks a figure", "protocol", HI, final([HI]), done(usage={"prompt_tokens": 1})),
    _turn("a finish reason of its own", "protocol", HI, final([HI]), done(finish_reason="bored")),
)
LATER = (
    _whole(
        "a server that goes away after the first turn",
        "closed",
        lambda frame: good(frame) if frame["type"] == "start" else [Cut()],
        clients=("cancel", "warmup", "conversation", "vision", "history", "tool"),
        tool="connection_failed",
    ),
    _whole(
        "a fault in the second turn only",
        "protocol",
        lambda frame: good(frame) if frame["type"] == "start" else good(frame)[1:],
        clients=("cancel", "warmup", "conversation", "vision", "history", "tool"),
    ),
    _whole(
        "a decision about a followup",
        "protocol",
        lambda frame: good(frame) if frame["type"] == "start" else [ack(frame), DECIDED, *good(frame)[1:]],
        clients=("vision",),
    ),
)
MESSAGES = (
    _turn("a binary frame", "protocol", Raw(b"\x00\x01")),
    _turn("no JSON", "protocol", Raw("nope")),
    _turn("an empty message", "protocol", Raw("")),
    _turn("JSON that is no object", "protocol", Raw("[1, 2]")),
    _turn("NaN", "protocol", Raw('{"type":"token","session_id":"a","request_id":"b","payload":{"text":NaN}}')),
    _turn("JSON nested without end", "protocol", Raw("[" * 200_000)),
    _turn("an envelope without a payload", "protocol", Raw('{"type":"token","session_id":"a","request_id":"b"}')),
    _turn(
        "a payload that is a list", "protocol", Raw('{"type":"token","session_id":"a","request_id":"b","payload":[]}')
    ),
    _turn("ids that are numbers", "protocol", Raw('{"type":"token","session_id":1,"request_id":2,"payload":{}}')),
    _turn("a payload with a type", "protocol", Say("token", {"text": "hi", "type": "token"})),
    _turn("a frame over 1 MiB", "protocol", Say("token", {"text": "x" * (1 << 20)})),
    _turn("text that is no UTF-8", "protocol", Bytes(b"\x81\x02\xff\xff")),
    _turn("a frame with a reserved opcode", "protocol", Bytes(b"\x83\x00")),
    _turn("a frame that is masked", "protocol", Bytes(b"\x81\x81\x00\x00\x00\x00x")),
    _turn("garbage on the line", "protocol", Bytes(b"\xff" * 64)),
    _turn("half a frame", "timeout", Bytes(b"\x81\x7e\x01\x00{")),
)
FAULTS = (*WAITS, *ENDS, *ORDER, *IDS, *CONTENT, *LATER, *MESSAGES)

__all__ = ["FAULTS", "HI", "error"]
