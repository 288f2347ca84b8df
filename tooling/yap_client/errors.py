"""What can go wrong for a client. No message, and nothing that an error keeps, holds a key or a text of the talk."""

from collections.abc import Mapping
from typing import Any


class YapError(Exception):
    """Every error of this library."""


class AddressError(YapError, ValueError):
    """What was given as the server's address, or as the key, is none."""


class ConnectError(YapError):
    """No connection came about. `status`: the HTTP status that answered, if one did; `passing`: it may go soon."""

    def __init__(self, message: str, *, status: int | None = None, passing: bool = True) -> None:
        super().__init__(message)
        self.status = status
        self.passing = passing


class ConnectionLost(YapError):
    """The connection ended. `code`, `reason`: of the close frame; 1006 and "" if none came. `breach`: it was this side
    that closed, for what the server sent, which no WebSocket may carry or which was longer than is read.
    """

    def __init__(self, code: int, reason: str = "", *, no_pong: bool = False, breach: bool = False) -> None:
        said = "no pong came in time" if no_pong else f"connection closed with code {code}"
        super().__init__(said + (f" ({reason})" if reason else ""))
        self.code = code
        self.reason = reason
        self.no_pong = no_pong
        self.breach = breach


class SessionOver(YapError):
    """Nothing more can be said in this session; the message says why."""


class TimedOut(YapError, TimeoutError):
    """A wait reached its limit; the message names what was awaited."""


class ProtocolFault(YapError):
    """The server sent something that no server of this protocol sends."""


class ServerError(YapError):
    """The server answered with an error frame: `code`, `reason_code`, `message`, `details` as they stood in it."""

    def __init__(self, code: str, reason_code: str, message: str, details: Mapping[str, Any]) -> None:
        super().__init__(f"{code}/{reason_code}: {message}")
        self.code = code
        self.reason_code = reason_code
        self.message = message
        self.details = details

    @property
    def retry_in_s(self) -> float | None:
        """After how many seconds the server says to try again, if it does."""
        told = self.details.get("retry_in")
        return float(told) if isinstance(told, int | float) and not isinstance(told, bool) and told >= 0 else None


__all__ = [
    "AddressError",
    "ConnectError",
    "ConnectionLost",
    "ProtocolFault",
    "ServerError",
    "SessionOver",
    "TimedOut",
    "YapError",
]
