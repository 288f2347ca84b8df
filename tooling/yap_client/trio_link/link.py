"""One WebSocket on trio: text frames out and in, every wait bounded, no opinion on what they say."""

from collections.abc import Mapping

import trio
from websockets.exceptions import ConnectionClosed
from websockets.trio.client import ClientConnection

from ..closing import lost
from ..errors import ConnectionLost, TimedOut
from ..limits import LinkLimits


class Link:
    """An open connection. One task may receive at a time; any may send."""

    def __init__(self, socket: ClientConnection, limits: LinkLimits) -> None:
        self.limits = limits
        self._socket = socket

    @property
    def headers(self) -> Mapping[str, str]:
        """Of the server's answer to the handshake; names in any case."""
        assert self._socket.response is not None
        return self._socket.response.headers

    async def send(self, text: str) -> None:
        """Write one frame, whole even if the caller is cancelled meanwhile. Raises `ConnectionLost`, `TimedOut`."""
        error: ConnectionLost | None = None
        # Half a frame would end the connection for everybody who uses it.
        with trio.move_on_after(self.limits.send_s, shield=True) as scope:
            try:
                await self._socket.send(text)
            except ConnectionClosed as closed:
                error = lost(closed)
        if scope.cancelled_caught:
            await self.abort()
            raise TimedOut(f"the server took no frame within {self.limits.send_s:g} s")
        if error is not None:
            raise error

    async def receive(self, awaited: str, limit_s: float) -> str | bytes:
        """The next frame. Raises `TimedOut`, which names what was `awaited`, and `ConnectionLost`."""
        error: ConnectionLost | None = None
        message: str | bytes = b""
        with trio.move_on_after(limit_s) as scope:
            try:
                message = await self._socket.recv()
            except ConnectionClosed as closed:
                error = lost(closed)
        if scope.cancelled_caught:
            raise TimedOut(f"no {awaited} within {limit_s:g} s")
        if error is not None:
            raise error
        return message

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """The close handshake within its limit, then the end of the connection whatever came of it. Cannot fail."""
        with trio.move_on_after(self.limits.close_s):
            await self._socket.aclose(code, reason)
        await self.abort()

    async def abort(self) -> None:
        """End the connection at once."""
        with trio.CancelScope(shield=True):
            await trio.aclose_forcefully(self._socket.stream)


__all__ = ["Link"]
