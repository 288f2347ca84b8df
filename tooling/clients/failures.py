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
    """A client's run cannot count as passed; the message is one line for people.

    `where`: a turn, a connection, a case, a phase, where that is known.
    """

    kind = "failed"
    exit = Exit.FAILED
    where = ""


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


class BadToolcall(ProtocolBreach):
    """A toolcall whose own words are wrong or do not agree; the turn goes on."""


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


class TurnCancelled(ClientError):
    """A turn was cancelled that nobody here wanted to end."""

    kind = "cancelled"


class EmptyReply(ClientError):
    """A turn ended well and brought no text, nor a decision where that is all there is."""

    kind = "empty"


class Unwritable(ClientError):
    """The report could not be written: a closed pipe, a full disk."""

    kind = "output"


class Internal(ClientError):
    """A fault of the client's own; the message names its type and place, never its words, which may hold a text."""

    kind = "internal"


class WorkerDied(ClientError):
    """A process of the client ended before its work did."""

    kind = "client_died"


class Inconclusive(ClientError):
    """The run could not show what it is for; nothing was seen to break."""

    kind = "inconclusive"
    exit = Exit.INCONCLUSIVE


class WrongCancelled(ClientError):
    """A cancel was answered with something else than the one `cancelled` it asks for."""

    kind = "wrong_cancelled"


class NotSilent(ClientError):
    """A frame came where none may come."""

    kind = "not_silent"


class WrongPong(ClientError):
    """A ping was answered with something else than its `pong`."""

    kind = "wrong_pong"


class WrongClose(ClientError):
    """The connection was closed with another code or reason than it should have been."""

    kind = "wrong_close"


class IdleEarly(ClientError):
    """The server closed an idle connection before its time."""

    kind = "idle_early"


class IdleMissing(ClientError):
    """The server let an idle connection live on."""

    kind = "idle_missing"


__all__ = [
    "BadToolcall",
    "ClientError",
    "ConnectionLost",
    "EmptyReply",
    "Exit",
    "IdleEarly",
    "IdleMissing",
    "Inconclusive",
    "Internal",
    "NoConnection",
    "NotSilent",
    "ProtocolBreach",
    "Refused",
    "TimedOut",
    "TurnCancelled",
    "Unwritable",
    "UsageProblem",
    "WorkerDied",
    "WrongCancelled",
    "WrongClose",
    "WrongPong",
]
