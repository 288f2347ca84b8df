"""Clients run in the test's own loop, many at once: each is called as its program calls it, with streams of its own."""

import io
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TextIO

import trio
from attrs import field, frozen

from tests.tooling.clients.standin import KEY
from tooling.clients.program import Client, Interruption, conduct

NOTHING: Mapping[str, str] = {}
_OWN: ContextVar[tuple[TextIO, TextIO] | None] = ContextVar("streams", default=None)


@frozen
class Ran:
    """How a client ended, and what it printed. `only`: the kinds of its failures, of one that writes no document."""

    code: int
    out: str = field(repr=False)
    err: str
    only: tuple[str, ...] | None = None

    @property
    def document(self) -> dict[str, Any]:
        """What `--json` wrote: one document and nothing else."""
        told: dict[str, Any] = json.loads(self.out)
        return told

    @property
    def kinds(self) -> list[str]:
        """The kinds of its failures, each once, in order."""
        if self.only is not None:
            return list(self.only)
        return list(dict.fromkeys(failure["kind"] for failure in self.document["failures"]))

    @property
    def last(self) -> str:
        """The last line that people see with `--json`."""
        return self.err.splitlines()[-1]


class _Dispatching(io.TextIOBase):
    """Writes to the stream of the task that writes; to the one it stands for where a task has none."""

    def __init__(self, number: int, otherwise: TextIO) -> None:
        self._number = number
        self._otherwise = otherwise

    def write(self, text: str) -> int:
        own = _OWN.get()
        return (self._otherwise if own is None else own[self._number]).write(text)


@contextmanager
def streams_apart() -> Iterator[None]:
    """While this lasts, every client that runs prints to its own streams."""
    out, err = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _Dispatching(0, out), _Dispatching(1, err)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = out, err


@contextmanager
def streams_of(out: TextIO, err: TextIO) -> Iterator[None]:
    """What this task prints goes there."""
    token = _OWN.set((out, err))
    try:
        yield
    finally:
        _OWN.reset(token)


async def ran(
    client: Client,
    argv: Sequence[str],
    server: str,
    environ: Mapping[str, str] = NOTHING,
    *,
    interruption: Interruption = trio.sleep_forever,
) -> Ran:
    """Run a client to its end, with the stand-in's key and that address unless `environ` has others.

    `streams_apart` must hold.
    """
    assert isinstance(sys.stdout, _Dispatching)
    out, err = io.StringIO(), io.StringIO()
    with streams_of(out, err):
        around = {"TEXT_API_KEY": KEY, "SERVER_WS_URL": server, **environ}
        code = await conduct(client, argv, around, interruption=interruption)
    return Ran(code, out.getvalue(), err.getvalue())


__all__ = ["KEY", "NOTHING", "Ran", "ran", "streams_apart", "streams_of"]
