"""Opening a WebSocket on trio."""

import contextlib
from collections.abc import AsyncIterator

import trio
from websockets.exceptions import WebSocketException
from websockets.trio.client import connect as _connect

from ..address import Endpoint
from ..closing import failed
from ..errors import ConnectError
from ..limits import LinkLimits, silent_logger
from .link import Link


class _Once(_connect):
    """Follows no redirect: the key would go along to wherever it points."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


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


__all__ = ["dial", "open_link"]
