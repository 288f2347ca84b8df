"""The worker thread: one job after the other, always in the same thread, none that nobody waits for."""

import os
import threading

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from engines.classifier.worker import Worker
from engines.errors import EngineDead


async def test_all_jobs_run_in_one_thread_that_ends_on_close() -> None:
    worker = Worker("test")
    with trio.fail_after(10):
        threads = {await worker.run(threading.current_thread) for _ in range(5)}
        assert len(threads) == 1
        assert threading.current_thread() not in threads
        assert await worker.close(5)
        assert not threads.pop().is_alive()
        with pytest.raises(EngineDead):
            await worker.run(threading.current_thread)
        assert await worker.close(5)


async def test_a_worker_stands_back_by_its_niceness_and_nobody_else_does() -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, 0)

    before, worker = niceness(), Worker("test", niceness=3)
    with trio.fail_after(10):
        assert await worker.run(niceness) == min(before + 3, 19)
        assert await trio.to_thread.run_sync(niceness) == before
        assert niceness() == before
        await worker.close(5)


async def test_a_worker_that_may_not_stand_back_works_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_which: int, _who: int, _priority: int) -> None:
        raise PermissionError("not in this sandbox")

    monkeypatch.setattr(os, "setpriority", refuse)
    worker = Worker("test", niceness=3)
    with trio.fail_after(10):
        assert await worker.run(lambda: 2) == 2
        await worker.close(5)


async def test_a_job_raises_where_it_was_asked_for_and_the_next_one_works() -> None:
    worker = Worker("test")
    with trio.fail_after(10):
        with pytest.raises(ZeroDivisionError):
            await worker.run(lambda: 1 // 0)
        assert await worker.run(lambda: 2) == 2
        await worker.close(5)


async def test_a_cancelled_wait_does_not_stop_its_job_and_drops_those_that_have_not_begun() -> None:
    worker, release, done = Worker("test"), threading.Event(), list[str]()

    def first() -> None:
        release.wait(10)
        done.append("first")

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(worker.run, first)
            await wait_all_tasks_blocked()
            nursery.start_soon(worker.run, lambda: done.append("second"))
            await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        assert done == []
        release.set()
        await worker.run(lambda: done.append("third"))
        await worker.close(5)
    assert done == ["first", "third"]


async def test_a_job_that_never_returns_does_not_hold_up_the_close() -> None:
    worker, release = Worker("test"), threading.Event()
    with trio.fail_after(10):
        with trio.move_on_after(0.05):
            await worker.run(lambda: release.wait(30))
        assert not await worker.close(0.05)
        release.set()
        assert await worker.close(5)
