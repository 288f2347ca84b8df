"""Sessions on trio: `connect`."""

import contextlib
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Unpack

import trio

from .address import DEFAULT_URL, Endpoint
from .backend import FrameLink, Signal
from .limits import LinkLimits
from .opening import Options, Setup
from .session import Session
from .trio_link import dial


class _Trio:
    """The loop as a session knows it; its tasks live in the nursery of `connect`."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery

    def now(self) -> float:
        return trio.current_time()

    def signal(self) -> Signal:
        return trio.Event()

    async def wait(self, signal: Signal, limit_s: float) -> bool:
        with trio.move_on_after(max(0.0, limit_s)) as scope:
            await signal.wait()
        return not scope.cancelled_caught

    async def dial(self, endpoint: Endpoint, limits: LinkLimits) -> FrameLink:
        return await dial(self._nursery, endpoint, limits)

    def spawn(self, function: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._nursery.start_soon(function)


@contextlib.asynccontextmanager
async def connect(address: str = DEFAULT_URL, **options: Unpack[Options]) -> AsyncIterator[Session]:
    """Open a session with the server at `address`, and end it where the block ends.

    `opening.Setup` says what the options mean. Raises `ConnectError`, `ServerError` (a wrong key, no free slot) and
    `AddressError`; errors of the block itself pass as they are, in no group.
    """
    setup = Setup(**options)
    endpoint = Endpoint.at(address, setup.key, setup.auth, setup.tls)
    del address, options  # the key may stand in either, and some tracebacks show what is in reach
    failure: BaseException | None = None
    async with trio.open_nursery() as nursery:
        session = Session(_Trio(nursery), endpoint, setup, _fresh)
        try:
            await session.open()
            yield session
        except trio.Cancelled:
            await session.abort()
            raise
        except BaseException as error:  # carried past the nursery, which would wrap it in a group
            failure = error
        await session.end()
        nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure


def _fresh(kind: str) -> str:
    return f"{kind}-{uuid.uuid4()}"


__all__ = ["connect"]
