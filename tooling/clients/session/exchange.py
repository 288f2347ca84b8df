"""One turn as a client sees it: frames in, a record out."""

from collections.abc import Callable, Mapping
from typing import Any

import trio
from attrs import define, field

from tooling.clients.failures import ClientError, EmptyReply, NoConnection, Refused, TimedOut, TurnCancelled
from tooling.clients.session.connection import Connection
from tooling.clients.session.latency import TurnMeter
from tooling.yap_client.wire import Incoming

HINTS = {
    "authentication_failed": "give the server's key with TEXT_API_KEY or --api-key",
    "server_at_capacity": "try again later, or raise MAX_CONCURRENT_CONNECTIONS at the server",
}
OnFrame = Callable[[Incoming], None]


@define(kw_only=True)
class Exchange:
    """The record of one turn, filled by `feed`. `outcome` is None while it runs; `ack` is the payload of its ack.

    An error ends the turn if it has `usage`, or if the turn was never acked: then it was refused. Any other error is
    about some other frame, such as a cancel that came too often, whose id can be the turn's.
    """

    request_id: str
    kind: str
    user: str = field(repr=False)
    meter: TurnMeter
    label: str = ""
    ack: Mapping[str, Any] | None = None
    toolcall: Mapping[str, object] | None = None
    outcome: str | None = None
    error: Mapping[str, Any] | None = None
    usage: Mapping[str, Any] | None = None
    finish_reason: str | None = None
    timings: Mapping[str, Any] | None = None

    def feed(self, frame: Incoming) -> bool:
        """Take one frame of the connection; returns whether this turn is over."""
        payload = frame.payload
        if frame.type == "cancelled" and self.request_id in (frame.request_id, payload.get("turn")):
            self._end("cancelled", frame)
        elif frame.type == "error" and self._ended_by(frame):
            self.error = payload
            self._end("error", frame)
        elif frame.request_id != self.request_id:
            return self.outcome is not None
        elif frame.type == "ack":
            self.ack = payload
        elif frame.type == "token":
            self.meter.tokens.append((frame.text("text"), frame.at))
        elif frame.type == "toolcall":
            self.toolcall = {"status": payload.get("status"), "score": payload.get("score")}
            self.meter.tool_at = frame.at
        elif frame.type == "done":
            self.finish_reason = frame.text("finish_reason")
            self._end("done", frame)
        return self.outcome is not None

    @property
    def acked(self) -> bool:
        """Whether the server took the turn."""
        return self.ack is not None

    @property
    def tool_only(self) -> bool:
        """Whether the decision was all there is to the reply."""
        return self.toolcall is not None and self.finish_reason == "tool"

    def problem(self) -> ClientError | None:
        """Why this turn does not count as passed, if it does not."""
        if self.outcome == "done":
            told = self.tool_only or self.meter.text().strip()
            return None if told else EmptyReply("the turn ended without any text")
        if self.outcome == "error" and self.error is not None:
            return refusal(self.error, at_the_door=self.kind == "start" and not self.acked)
        return TurnCancelled("the turn was cancelled by the server")

    def _ended_by(self, error: Incoming) -> bool:
        if "usage" in error.payload:
            return error.request_id == self.request_id
        return not self.acked and error.request_id in (self.request_id, "unknown")

    def _end(self, outcome: str, frame: Incoming) -> None:
        self.outcome = outcome
        self.meter.ended_at = frame.at
        usage, timings = frame.payload.get("usage"), frame.payload.get("timings")
        self.usage = usage if isinstance(usage, Mapping) else None
        self.timings = timings if isinstance(timings, Mapping) else None


def refusal(payload: Mapping[str, Any], *, at_the_door: bool = True) -> ClientError:
    """An error frame in words, with a hint where there is one. `NoConnection` if the server turned us away.

    `at_the_door`: no turn of the connection was acked yet.
    """
    code = payload.get("code")
    details = payload.get("details")
    details = details if isinstance(details, Mapping) else {}
    hint = HINTS.get(str(code))
    if code == "rate_limited":
        wait = details.get("retry_in")
        hint = details.get("friendly_message") or (None if wait is None else f"retry in {wait} s")
    text = f"ERROR {code}/{details.get('reason_code')}: {payload.get('message')}" + (f" ({hint})" if hint else "")
    turned_away = code == "authentication_failed" or (code == "server_at_capacity" and at_the_door)
    return NoConnection(text) if turned_away else Refused(text)


async def begin(
    connection: Connection, kind: str, payload: Mapping[str, object], *, user: str, label: str = ""
) -> Exchange:
    """Send a turn frame and return its record; the clock starts just before the write."""
    meter = TurnMeter(trio.current_time())
    request_id = await connection.send(kind, payload)
    return Exchange(request_id=request_id, kind=kind, user=user, meter=meter, label=label)


async def finish(connection: Connection, turn: Exchange, timeout_s: float, on_frame: OnFrame | None = None) -> None:
    """Read until the turn is over. Raises what `Connection.receive` raises, and `TimedOut` for the whole turn."""
    try:
        await _read(connection, turn, timeout_s, on_frame)
    except TimedOut:
        turn.outcome = turn.outcome or "timeout"
        raise
    finally:
        turn.outcome = turn.outcome or "closed"  # by the server, or by us: after a breach, or when interrupted


async def complete(connection: Connection, turn: Exchange, timeout_s: float, on_frame: OnFrame | None = None) -> None:
    """`finish`, and raise what keeps the turn from counting as passed."""
    await finish(connection, turn, timeout_s, on_frame)
    problem = turn.problem()
    if problem is not None:
        raise problem


async def _read(connection: Connection, turn: Exchange, timeout_s: float, on_frame: OnFrame | None) -> None:
    with trio.move_on_after(timeout_s) as scope:
        while turn.outcome is None:
            frame = await connection.receive("frame of the turn", min(timeout_s, connection.limits.receive_s))
            turn.feed(frame)
            if on_frame is not None:
                on_frame(frame)
    if scope.cancelled_caught:
        raise TimedOut(f"the turn did not end within {timeout_s:g} s")


__all__ = ["Exchange", "begin", "complete", "finish", "refusal"]
