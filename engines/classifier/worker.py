"""One thread that does one job after the other, and is asked from trio.

A thread of its own rather than trio's: OpenMP keeps a team of helpers for every thread that computes, so that jobs
which wander between threads would pay for new teams and crowd the cores. It is a daemon: a job that never returns
cannot keep the process alive.

It can stand back behind the other threads and processes of its login session: `niceness` as in `nice(1)`, for this
thread alone and for the helpers that it starts. Linux knows niceness of threads; elsewhere it would be the whole
process's, so there nothing is done.
"""

import contextlib
import os
import queue
import sys
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import structlog
import trio
from attrs import define, field

from engines.errors import EngineDead, door
from engines.patience import comes_true

log = structlog.get_logger()
Result = TypeVar("Result")


@define(eq=False)
class _Job(Generic[Result]):
    """A call, and after it its outcome; `done` is set in the trio thread."""

    call: Callable[[], Result]
    token: trio.lowlevel.TrioToken = field(factory=trio.lowlevel.current_trio_token)
    done: trio.Event = field(factory=trio.Event)
    results: list[Result] = field(factory=list)
    error: BaseException | None = None
    abandoned: bool = False

    def run(self) -> None:
        if self.abandoned:
            return
        try:
            self.results.append(self.call())
        except BaseException as error:
            self.error = error  # raised in the task that asked
        with contextlib.suppress(trio.RunFinishedError):
            self.token.run_sync_soon(self.done.set)


class Worker:
    """The thread. `run` is called from trio; the thread starts with the first job."""

    def __init__(self, name: str, niceness: int = 0) -> None:
        self._name = name
        self._niceness = niceness
        self._jobs: queue.SimpleQueue[_Job[Any] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False

    async def run(self, call: Callable[[], Result]) -> Result:
        """The result of `call`, or what it raised; handed over before the first wait.

        After a cancelled wait a job that has begun ends unseen, and one that has not is not done. Raises `EngineDead`
        once the worker is closed, and where there is no thread to be had.
        """
        if self._closed:
            raise EngineDead(f"the {self._name} thread has ended")
        job: _Job[Result] = _Job(call)
        self._jobs.put(job)
        try:
            if self._thread is None:
                self._thread = self._start()
            await job.done.wait()
        finally:
            job.abandoned = True
        if job.error is not None:
            raise job.error
        return job.results[0]

    async def close(self, timeout: float) -> bool:
        """End after the job at hand, if any; whether the thread ended within `timeout` seconds."""
        if not self._closed:
            self._closed = True
            self._jobs.put(None)
        thread = self._thread
        if thread is None:
            return True
        with trio.CancelScope(shield=True):
            await comes_true(lambda: not thread.is_alive(), timeout)
        return not thread.is_alive()

    def _start(self) -> threading.Thread:
        thread = threading.Thread(target=self._live, name=self._name, daemon=True)
        with door(EngineDead, f"there is no {self._name} thread"):  # CPython's RuntimeError: the system refuses one
            thread.start()
        return thread

    def _live(self) -> None:
        self._stand_back()
        while (job := self._jobs.get()) is not None:
            job.run()
            del job  # or the last job's texts and result would stay for as long as the thread waits

    def _stand_back(self) -> None:
        if not self._niceness or sys.platform != "linux":
            return
        try:
            # 0 is the calling thread. Never less than it inherited, which would take a privilege; above 19 is 19.
            os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, 0) + self._niceness)
        except OSError as error:
            log.warning("worker.stays_in_front", worker=self._name, error=str(error))  # a sandbox may forbid it


__all__ = ["Worker"]
