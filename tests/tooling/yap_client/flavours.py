"""The two event loops under the library, so that one test body runs on either."""

import asyncio  # noqa: TID251  # the library has a flavour for it
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any

import trio
from attrs import frozen

from tooling.yap_client import Session, over_asyncio, over_trio

Body = Callable[[], Coroutine[Any, Any, None]]
LIMIT_S = 60.0


@frozen
class Flavour:
    """One event loop. `run` a body that uses `connect`, `sleep`, `cancelled_after` and `together` of the same."""

    name: str
    connect: Callable[..., AbstractAsyncContextManager[Session]]
    sleep: Callable[[float], Awaitable[None]]
    cancelled_after: Callable[[float, Body], Awaitable[bool]]
    together: Callable[..., Coroutine[Any, Any, None]]
    run: Callable[[Body], Awaitable[None]]


async def _trio_cancelled_after(seconds: float, body: Body) -> bool:
    with trio.move_on_after(seconds) as scope:
        await body()
    return scope.cancelled_caught


async def _trio_together(*bodies: Body) -> None:
    async with trio.open_nursery() as nursery:
        for body in bodies:
            nursery.start_soon(body)


async def _trio_run(body: Body) -> None:
    with trio.fail_after(LIMIT_S):
        await body()


async def _asyncio_cancelled_after(seconds: float, body: Body) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await body()
    except TimeoutError:
        return True
    return False


async def _asyncio_together(*bodies: Body) -> None:
    async with asyncio.TaskGroup() as group:
        for body in bodies:
            group.create_task(body())


async def _asyncio_run(body: Body) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(LIMIT_S):
            await body()

    await trio.to_thread.run_sync(asyncio.run, bounded())


TRIO = Flavour("trio", over_trio.connect, trio.sleep, _trio_cancelled_after, _trio_together, _trio_run)
ASYNCIO = Flavour(
    "asyncio", over_asyncio.connect, asyncio.sleep, _asyncio_cancelled_after, _asyncio_together, _asyncio_run
)
FLAVOURS = (TRIO, ASYNCIO)

__all__ = ["FLAVOURS", "Body", "Flavour"]
