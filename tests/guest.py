"""A trio loop that plain functions can drive: guest mode, for Hypothesis rules, which cannot await.

The test is the host. Between two calls trio stands still, so a rule may call synchronous things of the world inside:
`send_nowait`, `Event.set`, `Nursery.start_soon`.
"""

import math
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from queue import SimpleQueue
from typing import Generic, TypeVar

import outcome
import trio
from attrs import define, field
from trio.testing import MockClock, wait_all_tasks_blocked

T = TypeVar("T")
PATIENCE_S = 120.0  # real seconds: a busy machine may leave us waiting
"""Real seconds that the host waits for trio: a rule must not hang a test run."""


@define(eq=False)
class GuestLoop(Generic[T]):
    """Runs `open()`'s context until `close`; `inside` is what it yields. Then virtual time passes only in `sleep`."""

    open: Callable[[], AbstractAsyncContextManager[T]]
    clock: MockClock = field(factory=lambda: MockClock(autojump_threshold=0))
    inside: T = field(init=False)
    _callbacks: SimpleQueue[Callable[[], object]] = field(factory=SimpleQueue)
    _outcome: outcome.Outcome[None] | None = None
    _scope: trio.CancelScope = field(factory=trio.CancelScope)
    _nursery: trio.Nursery = field(init=False)
    _ready: bool = False
    _started: bool = False
    _told: bool = False

    def start(self) -> None:
        """Enter the context and settle."""
        self._started = True
        trio.lowlevel.start_guest_run(
            self._main,
            run_sync_soon_threadsafe=self._callbacks.put,
            done_callback=self._finished,
            clock=self.clock,
            host_uses_signal_set_wakeup_fd=True,
        )
        self._pump(lambda: self._ready)
        self.settle()

    def settle(self) -> None:
        """Let everything happen that needs no time."""
        self.call(wait_all_tasks_blocked)

    def sleep(self, seconds: float) -> None:
        """Let virtual time pass, every deadline in its order."""
        self.clock.autojump_threshold = 0

        async def pass_time() -> None:
            await trio.sleep(seconds)
            self.clock.autojump_threshold = math.inf

        self.call(pass_time)
        self.settle()

    def call(self, function: Callable[[], Awaitable[object]]) -> None:
        """Run an async function inside, to its end."""
        done = False

        async def run() -> None:
            nonlocal done
            await function()
            done = True

        self._nursery.start_soon(run)
        self._pump(lambda: done)

    def close(self) -> None:
        """Leave the context. Raises what went wrong in it. Safe after a failure, and when it never started."""
        if self._started and self._outcome is None:
            self._scope.cancel("the example is over")
            self._pump(lambda: self._outcome is not None, raises=False)
        self._raise()

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._ready and self._outcome is None

    async def _main(self) -> None:
        with self._scope:
            async with self.open() as inside, trio.open_nursery() as nursery:
                self.clock.autojump_threshold = math.inf
                self.inside, self._nursery, self._ready = inside, nursery, True
                await trio.sleep_forever()

    def _finished(self, result: outcome.Outcome[None]) -> None:
        self._outcome = result

    def _pump(self, until: Callable[[], bool], *, raises: bool = True) -> None:
        while not until():
            self._callbacks.get(timeout=PATIENCE_S)()
            if raises and self._outcome is not None:
                self._raise()
                raise AssertionError("the loop ended by itself")

    def _raise(self) -> None:
        """What the loop ended with, once."""
        if self._outcome is not None and not self._told:
            self._told = True
            self._outcome.unwrap()


__all__ = ["GuestLoop"]
