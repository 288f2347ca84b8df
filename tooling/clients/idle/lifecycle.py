"""How a connection begins, waits and ends; nothing here starts a turn."""

import trio
from attrs import frozen

from tooling.clients.failures import (
    ClientError,
    ConnectionLost,
    IdleEarly,
    IdleMissing,
    NotSilent,
    ProtocolBreach,
    TimedOut,
    WrongClose,
    WrongPong,
)
from tooling.clients.session.connection import Connection
from tooling.clients.session.exchange import refusal
from tooling.yap_client.wire import Incoming

END_S = 2.0
PONG_S = 5.0
EARLY_S = 1.0
"""How much before its time an idle close may come: the server's clock began a little earlier than ours."""
IDLE_CODE, IDLE_REASON = 4000, "idle_timeout"
NO_CLOSE_FRAME = (None, 1006)


async def wait_and_end(opened: Connection, wait_s: float) -> None:
    """Nothing for `wait_s` seconds, then a goodbye that is answered."""
    with trio.move_on_after(wait_s):
        raise _out_of_turn(await opened.receive("frame", float("inf")))
    await end(opened)


async def end(opened: Connection) -> None:
    """`end` is answered by `session_end` and close 1000, both within 2 s."""
    sent = await opened.send("end", {})
    awaited = "'session_end'"
    with trio.move_on_after(END_S):
        frame = await opened.receive(awaited, float("inf"))
        if frame.type != "session_end":
            raise _out_of_turn(frame)
        if (frame.session_id, frame.request_id) != (opened.session_id, sent):
            raise ProtocolBreach("'session_end' does not carry the ids of the 'end' it answers")
        awaited = "close after 'session_end'"
        try:
            raise _out_of_turn(await opened.receive(awaited, float("inf")))
        except ConnectionLost as lost:
            if lost.code != 1000:
                raise WrongClose(f"{lost} after 'session_end', not 1000") from None
            return
    raise TimedOut(f"no {awaited} within {END_S:g} s")


async def ping(opened: Connection) -> None:
    """The first frame that comes is the `pong`, with the ids of the `ping`."""
    sent = await opened.send("ping", {})
    frame = await opened.receive("'pong'", PONG_S)
    if frame.type == "error":
        raise refusal(frame.payload)
    if frame.type != "pong" or frame.request_id != sent:
        raise WrongPong(f"{frame.type!r} came where 'pong' should answer the ping")


@frozen
class IdleRule:
    """When an idle connection must be closed: `expect_s` after it began, at most `grace_s` later. Seconds."""

    expect_s: float
    grace_s: float

    async def hold(self, opened: Connection) -> float:
        """Send nothing until the server closes; returns the seconds that took."""
        began = trio.current_time()
        with trio.move_on_after(self.expect_s + self.grace_s):
            try:
                raise _out_of_turn(await opened.receive("idle close", float("inf")))
            except ConnectionLost as lost:
                waited = trio.current_time() - began
                self._judge(lost, waited)
                return round(waited, 3)
        raise IdleMissing(f"no close within {self.expect_s + self.grace_s:g} s of silence")

    def _judge(self, lost: ConnectionLost, waited: float) -> None:
        if lost.code in NO_CLOSE_FRAME:
            raise lost from None
        if lost.code != IDLE_CODE or (lost.reason and IDLE_REASON not in lost.reason):
            raise WrongClose(f"{lost} after {waited:.1f} s of silence, not {IDLE_CODE} ({IDLE_REASON})") from None
        if waited < self.expect_s - EARLY_S:
            raise IdleEarly(f"closed after {waited:.1f} s of silence, {self.expect_s:g} s were expected") from None


def _out_of_turn(frame: Incoming) -> ClientError:
    """What a frame means that nobody asked for; an error frame has its own words."""
    return refusal(frame.payload) if frame.type == "error" else NotSilent(f"{frame.type!r} came where none may")


__all__ = ["IdleRule", "end", "ping", "wait_and_end"]
