"""One conversation with a running server, for the hardware checks."""

import json
import time
from typing import Any

from trio_websocket import WebSocketConnection

KEY = "hardware-key"


class Failed(Exception):
    """A check saw something else than it should."""


class Talk:
    """A client that numbers its frames and waits for kinds of frames; an unexpected error frame is `Failed`."""

    def __init__(self, socket: WebSocketConnection) -> None:
        self._socket, self._count = socket, 0

    async def send(self, kind: str, **payload: object) -> str:
        """Send a frame; its request id."""
        self._count += 1
        request_id = f"r{self._count}"
        frame = {"type": kind, "session_id": "hardware", "request_id": request_id, "payload": payload}
        await self._socket.send_message(json.dumps(frame))
        return request_id

    async def start(self) -> None:
        """Open the session with one whole turn."""
        await self.send(
            "start", chat_prompt="You are brief.", user_utterance="Hi.", sampling={"sanitize_output": False}
        )
        await self.until("done")

    async def until_speaking(self, text: str) -> None:
        """Say `text`, return at the first token of the reply."""
        request_id = await self.send("message", user_utterance=text)
        while (frame := await self.frame())["type"] != "token" or frame["request_id"] != request_id:
            if frame["type"] == "error":
                raise Failed(frame)

    async def until(self, kind: str) -> dict[str, Any]:
        """The next frame of this kind; what comes before it is passed over."""
        while (frame := await self.frame())["type"] != kind:
            if frame["type"] == "error" and kind != "error":
                raise Failed(frame)
        return frame

    async def end(self) -> dict[str, Any]:
        """The frame that ends the running turn, whichever it is."""
        while (frame := await self.frame())["type"] not in ("done", "error", "cancelled"):
            pass
        return frame

    async def frame(self) -> dict[str, Any]:
        """The next frame."""
        found: dict[str, Any] = json.loads(await self._socket.get_message())
        return found


def since(moment: float) -> str:
    """Milliseconds since a moment of `time.perf_counter`, in words."""
    return f"{(time.perf_counter() - moment) * 1000:.0f} ms"


__all__ = ["KEY", "Failed", "Talk", "since"]
