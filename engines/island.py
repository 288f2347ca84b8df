"""The asyncio island: one thread with its own event loop, the only place that knows asyncio.

Engine libraries that are asyncio throughout live here; the rest of the server is trio. Commands go in with
`call_soon_threadsafe`, results come out through one queue that is drained in the trio thread. Everything a loop turn
produced is handed over together, so a step of the engine wakes trio once, however many sessions it serves.
"""

import asyncio  # noqa: TID251 - this is the one module that may
import concurrent.futures
import contextlib
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Generic, TypeVar

import trio
import uvloop

from engines.patience import comes_true

Item = TypeVar("Item")
Result = TypeVar("Result")


class IslandClosed(Exception):
    """The island's loop ended before it could answer."""


async def _nothing() -> None:
    """Done in its first step, which is after those of all tasks that were started before it."""


class Island(Generic[Item]):
    """One asyncio loop in a daemon thread; `deliver` gets batches of emitted items in the trio thread.

    `start`, `run` and `stop` are called from trio, `call` from anywhere, `emit` and `spawn` from the loop's thread.
    """

    def __init__(self, name: str, deliver: Callable[[Sequence[Item]], None]) -> None:
        self._name = name
        self._deliver = deliver
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._token: trio.lowlevel.TrioToken | None = None
        self._outgoing: deque[Item] = deque()
        self._flush_planned = False
        self._tasks: set[asyncio.Task[Any]] = set()
        self._awaited: set[concurrent.futures.Future[Any]] = set()

    async def start(self) -> None:
        """Start the thread and return when its loop runs.

        Raises OSError or RuntimeError if there is no thread or no descriptor to be had for it.
        """
        assert self._thread is None, "an island starts once"
        self._token = trio.lowlevel.current_trio_token()
        # Made here, where it can fail, and before there is a thread that would have to be told. uvloop costs two fifths
        # less than asyncio's own loop for one stream, a tenth for many.
        loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
        running = trio.Event()
        thread = threading.Thread(target=self._live, args=(loop, running), name=self._name, daemon=True)
        try:
            thread.start()
        except BaseException:
            loop.close()
            raise
        self._thread = thread
        await running.wait()

    def call(self, function: Callable[..., object], *args: object) -> bool:
        """Run `function` in the loop's next turn, from any thread; False if the loop is gone."""
        if self._loop is None:
            return False
        try:
            self._loop.call_soon_threadsafe(function, *args)
        except RuntimeError:
            # The loop was closed; what it would have been told no longer matters.
            return False
        return True

    def tell(self, function: Callable[..., object], *args: object) -> None:
        """Run `function` in the trio thread soon, from any thread; nothing happens once trio is gone."""
        assert self._token is not None
        with contextlib.suppress(trio.RunFinishedError):
            self._token.run_sync_soon(function, *args)

    def spawn(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Start a task that the island keeps alive; only from the loop's thread."""
        task = asyncio.get_running_loop().create_task(coroutine)
        # The loop holds its tasks weakly; without this set a waiting stream could be collected.
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def emit(self, item: Item) -> None:
        """Queue an item for `deliver`; only from the loop's thread."""
        self._outgoing.append(item)
        self._plan_flush()

    def emit_all(self, items: Sequence[Item]) -> None:
        """Queue items, in order; as `emit` otherwise."""
        self._outgoing.extend(items)
        self._plan_flush()

    async def pause(self, seconds: float) -> None:
        """Sleep in the island (awaited by a coroutine of the island, not by trio)."""
        await asyncio.sleep(seconds)

    async def run(self, make: Callable[..., Coroutine[Any, Any, Result]], *args: object) -> Result:
        """Run `make(*args)` in the island and wait for its result; cancelling the wait cancels it there.

        Raises what it raised, or `IslandClosed`.
        """
        outcome: concurrent.futures.Future[Result] = concurrent.futures.Future()
        done = trio.Event()
        outcome.add_done_callback(lambda _: self.tell(done.set))
        self._awaited.add(outcome)
        try:
            if not self.call(self._begin, outcome, make, args):
                outcome.cancel()
            await done.wait()
        finally:
            self._awaited.discard(outcome)
            outcome.cancel()
        if outcome.cancelled():
            raise IslandClosed(f"the {self._name} loop ended before it could answer")
        return outcome.result()

    async def caught_up(self) -> None:
        """Return when the loop has taken up everything that it was told before, or is gone, or has not begun."""
        if self._loop is None:
            await trio.lowlevel.checkpoint()
            return
        with contextlib.suppress(IslandClosed):
            await self.run(_nothing)

    async def stop(self, timeout: float) -> bool:
        """Cancel everything in the loop and end the thread; whether it ended within `timeout` seconds.

        A thread that is stuck in foreign code is left behind; it is a daemon and ends with the process.
        """
        thread = self._thread
        if thread is None:
            return True
        loop = self._loop
        if loop is not None:
            self.call(loop.stop)
        with trio.CancelScope(shield=True):
            await comes_true(lambda: not thread.is_alive(), timeout)
        return not thread.is_alive()

    def _live(self, loop: asyncio.AbstractEventLoop, running: trio.Event) -> None:
        asyncio.set_event_loop(loop)
        self._loop = loop
        loop.call_soon(self.tell, running.set)
        try:
            loop.run_forever()
        finally:
            self._wind_up(loop)

    def _wind_up(self, loop: asyncio.AbstractEventLoop) -> None:
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        if tasks:
            # Bounded: a coroutine of the library that swallows its cancellation must not keep the thread.
            loop.run_until_complete(asyncio.wait(tasks, timeout=1.0))
        loop.run_until_complete(loop.shutdown_asyncgens())
        asyncio.set_event_loop(None)
        loop.close()
        for outcome in tuple(self._awaited):
            outcome.cancel()

    def _begin(
        self,
        outcome: concurrent.futures.Future[Result],
        make: Callable[..., Coroutine[Any, Any, Result]],
        args: tuple[object, ...],
    ) -> None:
        if outcome.cancelled():
            return
        task = self.spawn(make(*args))
        task.add_done_callback(lambda _: self._settle(outcome, task))
        outcome.add_done_callback(lambda _: self.call(task.cancel))

    def _settle(self, outcome: concurrent.futures.Future[Result], task: asyncio.Task[Result]) -> None:
        error = None if task.cancelled() else task.exception()
        if task.cancelled():
            outcome.cancel()
        elif not outcome.set_running_or_notify_cancel():
            return
        elif error is not None:
            outcome.set_exception(error)
        else:
            outcome.set_result(task.result())

    def _plan_flush(self) -> None:
        if not self._flush_planned:
            # One turn later: the tasks woken by the same engine step run first and share the wake-up.
            self._flush_planned = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_planned = False
        assert self._token is not None
        with contextlib.suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._drain, idempotent=True)

    def _drain(self) -> None:
        batch: list[Item] = []
        while self._outgoing:
            batch.append(self._outgoing.popleft())
        if batch:
            self._deliver(batch)


__all__ = ["Island", "IslandClosed"]
