"""Whose log lines these are: the ids on every line about a connection, whichever of its tasks writes it.

A task inherits the context of the task that starts it (contextvars), and all tasks of a connection share one object: an
id that the client tells later is from then on on the lines of tasks that were there before. A handler that runs in
somebody else's task (a drain, a look at all connections) takes the context of the connection that it is about.
"""

import hashlib
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from attrs import define, frozen

DIGEST_CHARS = 12
NO_BLANKS = "\u0e00"
"""From here on: Thai, Lao, Khmer, kana, Han, and what else comes behind them."""
OF_CLIENTS = ("session_id", "request_id")


@define(eq=False)
class LogContext:
    """The ids of one connection. `session`: its number in this process.

    `session_id`: what its client calls it, from the first accepted `start` on.
    """

    session: int
    session_id: str | None = None

    def fields(self) -> dict[str, object]:
        """What stands on each line."""
        known = {} if self.session_id is None else {"session_id": self.session_id}
        return {"session": self.session, **known}

    def adopt(self) -> None:
        """Make this the context of the current task, and of those that it starts from now on."""
        _current.set(_Bound(self))

    @contextmanager
    def bound(self, **more: object) -> Iterator[None]:
        """Make this the context meanwhile; `more` stands on the lines as well, a turn's ids for example."""
        token = _current.set(_Bound(self, more))
        try:
            yield
        finally:
            _current.reset(token)


@frozen
class _Bound:
    """A context as a task has it."""

    owner: LogContext
    more: Mapping[str, object] = {}


_current: ContextVar[_Bound | None] = ContextVar("log_context", default=None)


def add_ids(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: the current task's ids behind the fields of the line, which win; clients' as `shown`."""
    bound = _current.get()
    if bound is not None:
        for name, value in {**bound.owner.fields(), **bound.more}.items():
            event.setdefault(name, value)
    for name in OF_CLIENTS:
        if isinstance(event.get(name), str):
            event[name] = shown(event[name])
    return event


def shown(client_id: str) -> str:
    """A client's id as logs show it. One with a blank may be somebody's words, and so may one in a script that puts no
    blanks between words: a digest stands for it.
    """
    if " " not in client_id and max(client_id, default="") < NO_BLANKS:
        return client_id
    return f"sha256:{hashlib.sha256(client_id.encode(errors='surrogatepass')).hexdigest()[:DIGEST_CHARS]}"


__all__ = ["LogContext", "add_ids", "shown"]
