"""What the WebSocket library raises, as errors of this one. No I/O."""

from ssl import SSLError

from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from .errors import ConnectError, ConnectionLost

ABNORMAL = 1006
NO_PONG = "keepalive ping timeout"  # what the library says as it closes for want of a pong
PASSING = frozenset({500, 502, 503, 504})
"""HTTP statuses after which another attempt may fare better: a server that drains, a proxy without one."""

KEY_REFUSED = frozenset({401, 403, 429})


def lost(closed: ConnectionClosed) -> ConnectionLost:
    """How a connection ended: the peer's close frame if there was one, else ours, else 1006."""
    if closed.rcvd is not None:
        return ConnectionLost(closed.rcvd.code, closed.rcvd.reason)
    if closed.sent is not None and closed.sent.reason == NO_PONG:
        return ConnectionLost(ABNORMAL, no_pong=True)
    if closed.sent is not None and closed.sent.code not in (1000, 1001):  # we closed, for something wrong in it
        return ConnectionLost(closed.sent.code, closed.sent.reason, breach=True)
    return ConnectionLost(ABNORMAL)


def failed(url: str, error: Exception, limit_s: float) -> ConnectError:
    """Why there is no connection to `url`, which may be shown. Nothing of `error` that could hold a key is repeated."""
    if isinstance(error, InvalidStatus):
        status = error.response.status_code
        hint = ": the key is refused, or was wrong too often" if status in KEY_REFUSED else ""
        said = f"no connection to {url}: the server answered HTTP {status}{hint}"
        return ConnectError(said, status=status, passing=status in PASSING)
    if isinstance(error, TimeoutError):
        return ConnectError(f"no connection to {url}: no answer within {limit_s:g} s")
    if isinstance(error, WebSocketException):
        return ConnectError(f"no connection to {url}: the handshake failed")
    cause = error if isinstance(error, SSLError) else error.__cause__
    if isinstance(cause, SSLError):
        return ConnectError(f"no connection to {url}: TLS failed ({cause.reason or type(cause).__name__})")
    return ConnectError(f"no connection to {url}: {str(error) or type(error).__name__}")


__all__ = ["failed", "lost"]
