"""A client of the wire for tests: it reads every frame strictly, and has words for what tests do all the time."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import trio
from attrs import define, field
from trio_websocket import ConnectionClosed, WebSocketConnection, open_websocket

Frame = dict[str, Any]
ENVELOPE = ["type", "session_id", "request_id", "payload"]
PROMPT = "Be kind and brief."
PATIENCE_S = 60.0  # a busy machine with several engines may leave us waiting


@define(eq=False)
class Client:
    """One connection. Reading waits `PATIENCE_S` at most; `seen` keeps every frame that came."""

    socket: WebSocketConnection
    session_id: str = "s-1"
    seen: list[Frame] = field(factory=list)

    async def raw(self, message: str | bytes) -> None:
        """Send a message as it is."""
        await self.socket.send_message(message)

    async def say(self, kind: str, request_id: str, /, payload: Mapping[str, object] | None = None) -> None:
        """Send a frame."""
        message = {"type": kind, "session_id": self.session_id, "request_id": request_id, "payload": payload or {}}
        await self.raw(json.dumps(message, separators=(",", ":")))

    async def start(self, request_id: str = "r-1", text: str = "hello", /, **more: object) -> None:
        """Send a first `start`."""
        await self.say("start", request_id, {"chat_prompt": PROMPT, "user_utterance": text, **more})

    async def message(self, request_id: str, text: str = "and then?", /, **more: object) -> None:
        """Send a `message`."""
        await self.say("message", request_id, {"user_utterance": text, **more})

    async def frame(self, within_s: float = PATIENCE_S) -> Frame:
        """The next frame: compact, not ASCII-escaped JSON, with the envelope's keys in their order."""
        with trio.fail_after(within_s):
            raw = await self.socket.get_message()
        assert isinstance(raw, str), "the server sent a binary message"
        frame = json.loads(raw)
        assert raw == json.dumps(frame, ensure_ascii=False, separators=(",", ":"))
        assert list(frame) == ENVELOPE
        assert isinstance(frame["payload"], dict)
        assert not set(ENVELOPE[:3]) & set(frame["payload"])
        self.seen.append(frame)
        return dict(frame)

    async def expect(self, kind: str, request_id: str | None = None) -> Frame:
        """The next frame, which has to be of this type (and turn)."""
        frame = await self.frame()
        assert frame["type"] == kind, frame
        assert request_id is None or frame["request_id"] == request_id, frame
        return frame

    async def until(self, *kinds: str) -> list[Frame]:
        """Frames up to and with the first of one of these types."""
        frames = [await self.frame()]
        while frames[-1]["type"] not in kinds:
            frames.append(await self.frame())
        return frames

    async def rest(self) -> list[Frame]:
        """Frames up to and with the next terminal one."""
        frames = [await self.frame()]
        while not ends_turn(frames[-1]):
            frames.append(await self.frame())
        return frames

    async def refusal(self) -> tuple[str, str, Frame]:
        """The next frame, an error: its code, its reason code, and all of it."""
        frame = await self.expect("error")
        payload = frame["payload"]
        assert list(payload)[:3] == ["code", "message", "details"]
        assert payload["message"], "an error without words"
        return payload["code"], payload["details"]["reason_code"], frame

    async def answers_pings(self) -> None:
        """Assert that nothing waits before the pong of a ping: the connection is usable, and quiet."""
        await self.say("ping", "ping-1")
        frame = await self.expect("pong", "ping-1")
        assert frame["payload"] == {}

    async def quiet(self, seconds: float) -> None:
        """Assert that nothing comes."""
        with trio.move_on_after(seconds):
            raise AssertionError(f"came out of turn: {await self.socket.get_message()!r}")

    async def closed(self, within_s: float = PATIENCE_S) -> tuple[int, str]:
        """Code and reason of the server's close; what still comes before it lands in `seen`."""
        with suppress(ConnectionClosed):
            while True:
                await self.frame(within_s)
        end = self.socket.closed
        assert end is not None, "the connection broke without a close frame"
        return end.code, end.reason or ""


def ends_turn(frame: Frame) -> bool:
    """Whether a frame is a turn's terminal one: an error is if and only if it has `usage`."""
    return frame["type"] in ("done", "cancelled") or (frame["type"] == "error" and "usage" in frame["payload"])


def text_of(frames: Sequence[Frame]) -> str:
    """The token text among frames."""
    return "".join(frame["payload"]["text"] for frame in frames if frame["type"] == "token")


def kinds_of(frames: Sequence[Frame]) -> list[str]:
    """The types of frames, runs of tokens as one."""
    kinds: list[str] = []
    for frame in frames:
        if not (frame["type"] == "token" and kinds and kinds[-1] == "token"):
            kinds.append(frame["type"])
    return kinds


@asynccontextmanager
async def connected(
    port: int,
    key: str | None = "k-1",
    *,
    query: str = "",
    headers: Sequence[tuple[str, str]] = (),
    session_id: str = "s-1",
) -> AsyncIterator[Client]:
    """A client on a loopback port. `key`: sent as `X-API-Key`, None sends none."""
    keys = [("X-API-Key", key)] if key is not None else []
    async with open_websocket(
        "127.0.0.1",
        port,
        "/ws" + query,
        use_ssl=False,
        extra_headers=[(name.encode(), value.encode()) for name, value in [*keys, *headers]],
        message_queue_size=256,
        connect_timeout=PATIENCE_S,
        disconnect_timeout=2,
    ) as socket:
        try:
            yield Client(socket, session_id)
        finally:
            await socket.aclose()
            # The library leaves the TCP connection to the garbage collector where the server closed first.
            await trio.aclose_forcefully(socket._stream)


__all__ = ["PROMPT", "Client", "Frame", "connected", "ends_turn", "kinds_of", "text_of"]
