"""The live client in the test's loop, fed by a keyboard that has nothing more to say."""

import io
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from unittest.mock import patch

import trio

from tests.tooling.clients.cells import KEY, Ran, streams_of
from tooling.clients.failures import ClientError
from tooling.clients.live.__main__ import converse, grammar
from tooling.clients.live.interrupts import Interrupts


async def _nobody_presses(_self: Interrupts, *, task_status: trio.TaskStatus[None]) -> None:
    """Handlers of signals are the process's: many at once would not be put back in order."""
    task_status.started()
    await trio.sleep_forever()


@contextmanager
def no_keyboard() -> Iterator[None]:
    """What many of them in one process need."""
    with open("/dev/null") as nothing, patch.object(sys, "stdin", nothing):
        with patch.object(Interrupts, "listen", _nobody_presses):
            yield


async def lived(server: str, environ: Mapping[str, str]) -> Ran:
    """Say one thing, and leave; `no_keyboard` and `streams_apart` must hold."""
    out, err = io.StringIO(), io.StringIO()
    around = {"TEXT_API_KEY": KEY, "SERVER_WS_URL": server, **environ}
    with streams_of(out, err):
        try:
            code = await converse(grammar().parse_args(["hello"]), around, lambda: None)
        except ClientError as error:
            err.write(f"live: {error}\n")
            return Ran(int(error.exit), out.getvalue(), err.getvalue(), (error.kind,))
    return Ran(code, out.getvalue(), err.getvalue(), ())


__all__ = ["lived", "no_keyboard"]
