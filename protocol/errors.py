"""What a peer did wrong, as an error frame to answer with; raised inside, sent at the connection's edge."""

from collections.abc import Mapping
from typing import Self

UNKNOWN_ID = "unknown"


class ProtocolError(Exception):
    """Something on the wire is not as the protocol says."""


class PeerProtocolError(ProtocolError):
    """The peer's fault: answered with an error frame; the connection closes only where `close_code` says so.

    `code`, `reason_code`: the protocol's error table. `session_id`, `request_id`: echoed where they could be parsed.
    `malformed`: the frame has no envelope that could be read, so it counts neither as activity nor against a rate
    limit.
    """

    def __init__(
        self,
        code: str,
        reason_code: str,
        message: str,
        *,
        details: Mapping[str, object] | None = None,
        close_code: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason_code = reason_code
        self.message = message
        self.details: dict[str, object] = {"reason_code": reason_code, **(details or {})}
        self.close_code = close_code
        self.session_id = UNKNOWN_ID
        self.request_id = UNKNOWN_ID
        self.malformed = False

    def bare(self) -> Self:
        """The error without the way it came: the frames of a traceback hold what the peer sent."""
        self.__context__ = self.__cause__ = None
        return self.with_traceback(None)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.code}/{self.reason_code})"


def invalid_message(reason_code: str, message: str) -> PeerProtocolError:
    """The frame as such is unusable."""
    return PeerProtocolError("invalid_message", reason_code, message)


def invalid_payload(reason_code: str, message: str) -> PeerProtocolError:
    """The frame is well-formed, a value in it is not."""
    return PeerProtocolError("invalid_payload", reason_code, message)


def invalid_settings(reason_code: str, message: str) -> PeerProtocolError:
    """The session that the client asks for cannot be had."""
    return PeerProtocolError("invalid_settings", reason_code, message)


__all__ = [
    "UNKNOWN_ID",
    "PeerProtocolError",
    "ProtocolError",
    "invalid_message",
    "invalid_payload",
    "invalid_settings",
]
