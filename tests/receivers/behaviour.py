"""What a receiver does with a request: it answers in some way, or never, or breaks off."""

import enum
from collections.abc import Mapping

from attrs import frozen


@frozen
class Reply:
    """An answer. `status`: None is the receiver's own way of saying that all is well; `after_s`: how late it comes."""

    status: int | None = None
    headers: Mapping[str, str] = {}
    after_s: float = 0.0


class Instead(enum.Enum):
    """What happens where no answer comes: the request is read and that was it, or the connection breaks within it."""

    HANG = "hang"
    CUT = "cut"


Behaviour = Reply | Instead


def ok() -> Reply:
    """Takes everything at once."""
    return Reply()


def slow(after_s: float) -> Reply:
    """Takes everything, so many seconds late."""
    return Reply(after_s=after_s)


def refusing(status: int, retry_after_s: int | None = None) -> Reply:
    """Takes nothing; `retry_after_s`: says when to come again."""
    return Reply(status, {} if retry_after_s is None else {"Retry-After": f"{retry_after_s}"})


def hanging() -> Instead:
    """Accepts, reads, never answers."""
    return Instead.HANG


def cutting() -> Instead:
    """Breaks the connection in the middle of the request."""
    return Instead.CUT


__all__ = ["Behaviour", "Instead", "Reply", "cutting", "hanging", "ok", "refusing", "slow"]
