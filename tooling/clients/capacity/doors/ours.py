"""Calls over our WebSocket."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import trio
from attrs import define, field

from tooling.clients.capacity.doors.line import Line, Reply
from tooling.clients.failures import ClientError
from tooling.clients.options import Common
from tooling.clients.session.connection import Connection, connected
from tooling.clients.session.exchange import Exchange, begin


def _unheard(note: str) -> None:
    """A load of callers says nothing of unknown frames."""


@define(eq=False)
class OurLine:
    """One session. `opening`: what its first turn carries besides the words."""

    connection: Connection
    opening: Mapping[str, object]
    _turn: Exchange | None = None
    _reply: Reply | None = None
    _broken: ClientError | None = None

    async def say(self, text: str, heard: int | None) -> Reply:
        """`start`, later `message`; while a reply runs this is a barge-in."""
        payload: dict[str, object] = {"user_utterance": text}
        last, kind = self._turn, "message"
        if last is None:
            kind, payload = "start", {**self.opening, **payload}
        elif heard is not None:
            payload["played"] = {"request_id": last.request_id, "chars": heard}
        if self._reply is not None:
            self._reply.close(trio.current_time())
        self._reply = reply = Reply(trio.current_time())
        self._turn = await begin(self.connection, kind, payload, user=text)
        if self._broken is not None:
            reply.close(trio.current_time(), str(self._broken))
        return reply

    async def stop(self, heard: int) -> None:
        """`cancel`, also for a reply that is complete: what was heard of it is still to be told."""
        if self._turn is not None:
            played = {"request_id": self._turn.request_id, "chars": heard}
            await self.connection.send("cancel", {"reason": "barge_in", "played": played})
        if self._reply is not None:
            self._reply.close(trio.current_time())

    async def listen(self) -> None:
        """Read until the connection ends or this is cancelled."""
        while True:
            try:
                frame = await self.connection.receive("frame", float("inf"))
            except ClientError as error:
                self._broken = error
                if self._reply is not None:
                    self._reply.close(trio.current_time(), str(error))
                return
            turn, reply = self._turn, self._reply
            if turn is None or reply is None or frame.request_id not in (turn.request_id, "unknown"):
                continue
            over = turn.feed(frame)
            if frame.type == "token":
                reply.hear(frame.text("text"), frame.at)
            if over:
                problem = turn.problem()  # a reply that this line has cut off is closed by now
                reply.close(frame.at, str(problem) if problem else None)


@define(eq=False)
class Ours:
    """Our server. `opening`: as in `OurLine`."""

    common: Common
    opening: Mapping[str, object] = field(repr=False)

    @property
    def url(self) -> str:
        """Its address, without the key."""
        return self.common.endpoint.url

    @asynccontextmanager
    async def call(self) -> AsyncIterator[Line]:
        """Connect; the session ends with the call."""
        common = self.common
        async with connected(
            common.endpoint, "capacity", common.limits, note=_unheard, lenient=common.lenient
        ) as opened:
            line = OurLine(opened, self.opening)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(line.listen)
                yield line
                nursery.cancel_scope.cancel()


__all__ = ["Ours"]
