"""One WebSocket on trio: text frames out and in, every wait bounded, no opinion on what they say."""

import contextlib
from collections.abc import AsyncIterator, Mapping

import trio
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.trio.client import ClientConnection
from websockets.trio.client import connect as _connect

from .address import Endpoint
from .closing import failed, lost
from .errors import ConnectError, ConnectionLost, TimedOut
from .limits import LinkLimits, silent_logger


class _Once(_connect):
    """Follows no redirect: the key would go along to wherever it points."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


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


async def dial(nursery: trio.Nursery, endpoint: Endpoint, limits: LinkLimits) -> Link:
    """Connect once. The link's tasks live in `nursery` until it is closed. Raises `ConnectError`."""
    error: ConnectError | None = None
    try:
        socket = await _Once(
            endpoint.target(),
            ssl=endpoint.tls,
            compression=None,
            additional_headers=endpoint.headers(),
            proxy=None,
            open_timeout=limits.connect_s,
            ping_interval=limits.ping_interval_s,
            ping_timeout=limits.ping_timeout_s,
            close_timeout=limits.close_s,
            max_size=limits.max_frame_bytes,
            max_queue=limits.max_waiting,
            logger=silent_logger(),
        ).connect(nursery)
    except (OSError, WebSocketException, trio.BrokenResourceError, EOFError) as problem:
        error = failed(endpoint.url, problem, limits.connect_s)
    if error is not None:  # raised out here: what the library raised may hold the URL with the key
        raise error
    return Link(socket, limits)


@contextlib.asynccontextmanager
async def open_link(endpoint: Endpoint, limits: LinkLimits | None = None) -> AsyncIterator[Link]:
    """Connect once, yield the link, close it. Raises `ConnectError`; errors inside stay as they are, in no group."""
    failure: BaseException | None = None
    async with trio.open_nursery() as nursery:
        try:
            link = await dial(nursery, endpoint, limits or LinkLimits())
        except ConnectError as error:
            failure = error
        else:
            try:
                yield link
            except trio.Cancelled:
                await link.abort()
                raise
            except BaseException as error:  # carried past the nursery, which would wrap it in a group
                failure = error
            await link.close()
        nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure


__all__ = ["Link", "dial", "open_link"]
