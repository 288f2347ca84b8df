"""A small server that speaks the protocol over real sockets, and misbehaves on request.

It stands in for faults that the real server must never show; what the clients do with the real one is tested end to
end elsewhere.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import trio
from attrs import define, field
from trio_websocket import ConnectionClosed, WebSocketConnection, WebSocketRequest, serve_websocket

KEY = "stand-in-key"
USAGE = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8, "cached_tokens": None}
WORDS = ("Hello ", "there, ", "friend.")
Frame = dict[str, Any]


@define
class Session:
    """One client's connection, with the frames it sent."""

    socket: WebSocketConnection
    path: str
    headers: dict[bytes, bytes]
    seen: list[Frame] = field(factory=list)

    async def send(self, kind: str, about: Frame, **payload: Any) -> None:
        """A server frame that echoes the ids of `about`."""
        ids = {"session_id": about["session_id"], "request_id": about["request_id"]}
        await self.socket.send_message(json.dumps({"type": kind, **ids, "payload": payload}))

    async def reply(self, turn: Frame, words: tuple[str, ...] = WORDS, pause_s: float = 0.0) -> None:
        """A whole good turn."""
        await self.send("ack", turn, **{"for": turn["type"], "ok": True})
        for word in words:
            await trio.sleep(pause_s)
            await self.send("token", turn, text=word)
        await self.send("final", turn, normalized_text="".join(words))
        await self.send("done", turn, usage=USAGE, finish_reason="stop", timings={})


Behaviour = Callable[[Session, Frame], Awaitable[None]]


async def polite(session: Session, frame: Frame) -> None:
    """Answers every turn well."""
    await session.reply(frame)


@define
class StandIn:
    """A listening stand-in. `sessions`: every connection there was."""

    url: str
    sessions: list[Session] = field(factory=list)


@asynccontextmanager
async def standing_in(
    behaviour: Behaviour = polite, *, on_connect: Behaviour | None = None, model: bytes = b"any"
) -> AsyncIterator[StandIn]:
    """Serve on a free loopback port until the block ends."""
    async with trio.open_nursery() as nursery:

        async def handle(request: WebSocketRequest) -> None:
            session = Session(
                await request.accept(extra_headers=[(b"X-Model", model)]), request.path, dict(request.headers)
            )
            server.sessions.append(session)
            with trio.CancelScope(), _closed_is_fine():
                if on_connect is not None:
                    await on_connect(session, {"session_id": "unknown", "request_id": "unknown"})
                await _serve(session, behaviour)

        listening = await nursery.start(_listen, handle)
        server = StandIn(f"ws://127.0.0.1:{listening.port}/ws")
        yield server
        nursery.cancel_scope.cancel()


async def _listen(handle: Callable[[WebSocketRequest], Awaitable[None]], task_status: Any) -> None:
    await serve_websocket(handle, "127.0.0.1", 0, ssl_context=None, message_queue_size=64, task_status=task_status)


async def _serve(session: Session, behaviour: Behaviour) -> None:
    async with trio.open_nursery() as nursery:
        while True:
            try:
                frame = json.loads(await session.socket.get_message())
            except ConnectionClosed:
                nursery.cancel_scope.cancel()
                return
            session.seen.append(frame)
            if frame["type"] == "end":
                await session.send("session_end", frame, reason="client_request")
                await session.socket.aclose(1000)
                nursery.cancel_scope.cancel()
                return
            nursery.start_soon(_behave, behaviour, session, frame)


async def _behave(behaviour: Behaviour, session: Session, frame: Frame) -> None:
    with _closed_is_fine():
        await behaviour(session, frame)


class _closed_is_fine:  # noqa: N801  # reads like contextlib.suppress
    """The client may go away at any moment."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        return isinstance(error, ConnectionClosed)


__all__ = ["KEY", "USAGE", "Behaviour", "Frame", "Session", "StandIn", "polite", "standing_in"]
