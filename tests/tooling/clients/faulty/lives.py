"""Faults that only those clients meet that cancel, ping, wait or say goodbye on purpose."""

from collections.abc import Callable
from typing import Any

from tests.tooling.clients.faulty.fault import Fault
from tests.tooling.clients.faulty.host import Manners, nothing_to_stop, stop
from tests.tooling.clients.faulty.steps import Close, Cut, Raw, Say, Step, Wait, ack, done, final, good
from tests.tooling.clients.faulty.turns import HI, error
from tests.tooling.clients.faulty.wire import Frame

ENDED = Say("session_end", {"reason": "client_request"})
SOON_S = 0.5


def _cancel(name: str, kind: str, answer: Callable[[Frame], list[Step]], **more: Any) -> Fault:
    return Fault(name=name, kind=kind, clients=("cancel",), server=Manners(cancel=answer, **more))


def _repeat(name: str, kind: str, answer: Callable[[Frame], list[Step]]) -> Fault:
    return Fault(name=name, kind=kind, clients=("cancel",), server=Manners(repeat=answer))


def _cancelled(frame: Frame, **other: Any) -> Say:
    return Say("cancelled", {"reason": "client_request", "turn": frame["request_id"], "usage": {}} | other)


def _recovery(name: str, kind: str, *steps: Step) -> Fault:
    """The turn after the cancel is the fault's."""

    def turn(frame: Frame) -> list[Step]:
        return good(frame) if frame["type"] == "start" else [ack(frame), *steps]

    return Fault(name=name, kind=kind, clients=("cancel",), server=Manners(turn=turn))


def _idle(name: str, kind: str, **manners: Any) -> Fault:
    return Fault(name=name, kind=kind, clients=("idle",), server=Manners(**manners))


def _end(name: str, kind: str, *steps: Step) -> Fault:
    return _idle(name, kind, end=lambda _: list(steps))


def _unknown(frame: Frame) -> Raw:
    return Raw('{"type":"weather","session_id":"s","request_id":"r","payload":{}}')


CANCELS = (
    _cancel("a cancel that is not answered", "timeout", lambda _: []),
    _cancel("a cancel that is not heeded", "timeout", lambda _: [], goes_on=True),
    _cancel(
        "a cancel that is refused", "server_error", lambda _: [error("rate_limited", "cancel_rate_limited", ends=False)]
    ),
    _cancel("a close in place of cancelled", "closed", lambda _: [Close(1011)]),
    _cancel("cancelled of another id", "protocol", lambda frame: stop(frame, "x")),
    _cancel("cancelled that names another turn", "wrong_cancelled", lambda frame: [_cancelled(frame, turn="start-0")]),
    _cancel("cancelled without a turn", "wrong_cancelled", lambda frame: [_cancelled(frame, turn=None)]),
    _cancel("cancelled for another reason", "wrong_cancelled", lambda frame: [_cancelled(frame, reason="barge_in")]),
    _cancel("not_running where a turn runs", "wrong_cancelled", nothing_to_stop),
    _cancel("a second cancelled", "protocol", lambda frame: stop(frame) * 2),
    _cancel("a second cancelled, later", "protocol", lambda frame: [*stop(frame), Wait(SOON_S), *stop(frame)]),
    _cancel("a token after cancelled", "protocol", lambda frame: [*stop(frame), HI]),
    _cancel("a token after cancelled, later", "protocol", lambda frame: [*stop(frame), Wait(SOON_S), HI]),
    _cancel("done after cancelled", "protocol", lambda frame: [*stop(frame), *good(frame)[-2:]]),
    _cancel("a cancelled turn that goes on", "protocol", stop, goes_on=True),
    _cancel("not_running after cancelled", "not_silent", lambda frame: [*stop(frame), *nothing_to_stop(frame)]),
    _cancel("an unknown frame after cancelled", "not_silent", lambda frame: [*stop(frame), _unknown(frame)]),
    _cancel("a close after cancelled", "closed", lambda frame: [*stop(frame), Wait(SOON_S), Close(1000)]),
    _cancel("an end of TCP after cancelled", "closed", lambda frame: [*stop(frame), Cut()]),
    _repeat("a second cancel that stops something", "protocol", stop),
    _repeat("a second cancel that is not answered", "timeout", lambda _: []),
    _repeat(
        "a second cancel that is refused",
        "server_error",
        lambda _: [error("rate_limited", "cancel_rate_limited", ends=False)],
    ),
    _repeat(
        "a second cancel that stops no turn in words",
        "wrong_cancelled",
        lambda _: [Say("cancelled", {"reason": "not_running", "turn": "none"})],
    ),
    _repeat("two answers to a second cancel", "protocol", lambda frame: [*nothing_to_stop(frame), HI]),
    _recovery("silence after a cancel", "timeout"),
    _recovery("no text after a cancel", "empty", final([]), done()),
    _recovery("an error after a cancel", "server_error", error("internal_error", "engine_error")),
)
SHORT = (
    Fault(
        name="replies too short to cancel",
        kind="inconclusive",
        exit=4,
        clients=("cancel",),
        server=Manners(turn=lambda frame: [ack(frame), HI, Say("final", {"normalized_text": "hi"}), good(frame)[-1]]),
    ),
)
LIVES = (
    _end("end that is not answered", "timeout"),
    _end("no close after session_end", "timeout", ENDED),
    _end("a close without session_end", "closed", Close(1000)),
    _end("another close after session_end", "wrong_close", ENDED, Close(1001)),
    _end("an end of TCP after session_end", "wrong_close", ENDED, Cut()),
    _end("session_end of another session", "protocol", Say("session_end", {}, session_id="x"), Close(1000)),
    _end("a frame after session_end", "not_silent", ENDED, ENDED, Close(1000)),
    _end("session_end too late", "timeout", Wait(3), ENDED, Close(1000)),
    _end("an error in place of session_end", "server_error", error("internal_error", "internal_exception", ends=False)),
    _idle("a ping that is not answered", "timeout", ping=lambda _: []),
    _idle("a pong of another ping", "protocol", ping=lambda _: [Say("pong", request_id="ping-0")]),
    _idle("session_end in place of a pong", "wrong_pong", ping=lambda _: [ENDED]),
    _idle("an error in place of a pong", "server_error", ping=lambda _: [error("rate_limited", "x", ends=False)]),
    _idle("a token in place of a pong", "protocol", ping=lambda _: [HI]),
    _idle("an early idle close", "idle_early", idle_s=20.0),
    _idle("no idle close", "idle_missing", idle=()),
    _idle("an idle close that is too late", "idle_missing", idle_s=60.0),
    _idle("another code for silence", "wrong_close", idle=(Close(1000),)),
    _idle("another reason for silence", "wrong_close", idle=(Close(4000, "bored"),)),
    _idle("an end of TCP for silence", "closed", idle=(Cut(),)),
    _idle("a frame before the idle close", "protocol", idle=(Say("pong"), Close(4000, "idle_timeout"))),
    _idle("session_end before the idle close", "protocol", idle=(ENDED, Close(4000, "idle_timeout"))),
    _idle(
        "an unknown frame before the idle close",
        "protocol",
        idle=(Raw('{"type":"w","session_id":"s","request_id":"r","payload":{}}'), Close(4000)),
    ),
    _idle("a frame out of nowhere", "protocol", first=(Wait(SOON_S), Say("pong"))),
    _idle("protocol pings that are not answered", "timeout", pongs=False),
)
FAULTS = (*CANCELS, *SHORT, *LIVES)

__all__ = ["FAULTS"]
