"""What can go wrong for a client, each with its exit code and the short kind that reports show."""

import enum


class Exit(enum.IntEnum):
    """Exit codes of every client."""

    PASSED = 0
    FAILED = 1
    USAGE = 2
    NO_CONNECTION = 3
    INCONCLUSIVE = 4
    INTERRUPTED = 130


class ClientError(Exception):
    """A client's run cannot count as passed; the message is one line for people."""

    kind = "failed"
    exit = Exit.FAILED


class UsageProblem(ClientError):
    """The command line or environment is not usable."""

    kind = "usage"
    exit = Exit.USAGE


class NoConnection(ClientError):
    """No usable connection: refused, handshake failed, or turned away with an error frame."""

    kind = "connection_failed"
    exit = Exit.NO_CONNECTION


class ProtocolBreach(ClientError):
    """The server sent something that the protocol does not allow."""

    kind = "protocol"


class TimedOut(ClientError):
    """A wait reached its limit; the message names what was awaited."""

    kind = "timeout"


class ConnectionLost(ClientError):
    """The connection ended while something was still expected."""

    kind = "closed"

    def __init__(self, code: int | None, reason: str | None) -> None:
        super().__init__(f"connection closed with code {code}" + (f" ({reason})" if reason else ""))
        self.code = code
        self.reason = reason


class Refused(ClientError):
    """The server answered with an error frame."""

    kind = "server_error"


class EmptyReply(ClientError):
    """A turn ended well and brought neither text nor a decision."""

    kind = "empty"


__all__ = [
    "ClientError",
    "ConnectionLost",
    "EmptyReply",
    "Exit",
    "NoConnection",
    "ProtocolBreach",
    "Refused",
    "TimedOut",
    "UsageProblem",
]
