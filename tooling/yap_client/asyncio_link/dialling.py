"""Opening a WebSocket on asyncio."""

from websockets.asyncio.client import connect as _connect
from websockets.exceptions import WebSocketException

from ..address import Endpoint
from ..closing import failed
from ..errors import ConnectError
from ..limits import LinkLimits, silent_logger
from .link import Link


class _Once(_connect):
    """Follows no redirect: the key would go along to wherever it points."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


async def dial(endpoint: Endpoint, limits: LinkLimits) -> Link:
    """Connect once. Raises `ConnectError`."""
    error: ConnectError
    try:
        socket = await _Once(
            endpoint.target(),
            ssl=endpoint.tls or (endpoint.url.startswith("wss:") or None),
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
        )
        return Link(socket, limits)
    except (OSError, WebSocketException, EOFError) as problem:
        error = failed(endpoint.url, problem, limits.connect_s)
    raise error  # out here: what the library raised may hold the URL with the key


__all__ = ["dial"]
