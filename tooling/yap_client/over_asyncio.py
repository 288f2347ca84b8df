"""Sessions on asyncio: `connect`."""

import asyncio  # noqa: TID251  # the flavour for programs that live in that loop
import contextlib
import math
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine
from time import monotonic
from typing import Any, Unpack

from .address import DEFAULT_URL, Endpoint
from .asyncio_link import dial
from .backend import FrameLink, Signal
from .limits import LinkLimits
from .opening import Options, Setup
from .session import Session


class _Asyncio:
    """The loop as a session knows it; its tasks live in the group of `connect`."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._tasks: set[asyncio.Task[None]] = set()

    def now(self) -> float:
        return monotonic()

    def signal(self) -> Signal:
        return asyncio.Event()

    async def wait(self, signal: Signal, limit_s: float) -> bool:
        try:
            async with asyncio.timeout(None if limit_s == math.inf else max(0.0, limit_s)):
                await signal.wait()
        except TimeoutError:
            return False
        return True

    async def dial(self, endpoint: Endpoint, limits: LinkLimits) -> FrameLink:
        return await dial(endpoint, limits)

    def spawn(self, function: Callable[[], Coroutine[Any, Any, None]]) -> None:
        task = self._group.create_task(function())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def stop(self) -> None:
        """Cancel what still runs."""
        for task in self._tasks:
            task.cancel()


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
    async with asyncio.TaskGroup() as group:
        loop = _Asyncio(group)
        session = Session(loop, endpoint, setup, _fresh)
        try:
            await session.open()
            yield session
        except asyncio.CancelledError:
            await session.abort()
            loop.stop()
            raise
        except BaseException as error:  # carried past the group, which would wrap it in another
            failure = error
        await session.end()
        loop.stop()
    if failure is not None:
        raise failure


def _fresh(kind: str) -> str:
    return f"{kind}-{uuid.uuid4()}"


__all__ = ["connect"]
