"""One WebSocket on asyncio: text frames out and in, every wait bounded, no opinion on what they say."""

import asyncio  # noqa: TID251  # the flavour for programs that live in that loop
import math
from collections.abc import Mapping

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

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
        """Write one frame. Raises `ConnectionLost`, `TimedOut`."""
        error: ConnectionLost | TimedOut | None = None
        try:
            async with asyncio.timeout(self.limits.send_s):
                await self._socket.send(text)
        except ConnectionClosed as closed:
            error = lost(closed)
        except TimeoutError:
            await self.abort()
            error = TimedOut(f"the server took no frame within {self.limits.send_s:g} s")
        if error is not None:
            raise error

    async def receive(self, awaited: str, limit_s: float) -> str | bytes:
        """The next frame. Raises `TimedOut`, which names what was `awaited`, and `ConnectionLost`."""
        error: ConnectionLost | TimedOut
        try:
            if limit_s == math.inf:
                return await self._socket.recv()
            async with asyncio.timeout(limit_s):
                return await self._socket.recv()
        except ConnectionClosed as closed:
            error = lost(closed)
        except TimeoutError:
            error = TimedOut(f"no {awaited} within {limit_s:g} s")
        raise error

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """The close handshake within its limit, then the end of the connection whatever came of it. Cannot fail."""
        try:
            async with asyncio.timeout(self.limits.close_s):
                await self._socket.close(code, reason)
        except TimeoutError:
            pass
        await self.abort()

    async def abort(self) -> None:
        """End the connection at once."""
        self._socket.transport.abort()


__all__ = ["Link"]
