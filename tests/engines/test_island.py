"""The asyncio island: hand-over in batches, results, cancellation, and an end that nobody trips over."""

import functools
import threading

import pytest
import trio

from engines.island import Island, IslandClosed


class Landing:
    """Collects batches in the trio thread."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.threads: set[int] = set()
        self.changed = trio.Event()

    def deliver(self, batch: object) -> None:
        assert isinstance(batch, list)
        self.batches.append(batch)
        self.threads.add(threading.get_ident())
        self.changed.set()


async def _double(number: int) -> int:
    return number * 2


async def _fail() -> None:
    raise ValueError("from the island")


async def test_what_one_loop_turn_emits_arrives_as_one_batch_in_the_trio_thread() -> None:
    landing = Landing()
    island: Island[int] = Island("test", landing.deliver)
    with trio.fail_after(5):
        await island.start()

        async def emit(number: int) -> None:
            island.emit(number)

        def step() -> None:
            # As an engine step does: it wakes many tasks, each of which emits.
            for number in range(100):
                island.spawn(emit(number))

        island.call(step)
        await landing.changed.wait()
        assert await island.stop(2)
    assert landing.batches == [list(range(100))]
    assert landing.threads == {threading.get_ident()}


async def test_a_coroutine_brings_its_result_or_its_error_back() -> None:
    island: Island[int] = Island("test", Landing().deliver)
    with trio.fail_after(5):
        await island.start()
        assert await island.run(_double, 21) == 42
        with pytest.raises(ValueError, match="from the island"):
            await island.run(_fail)
        assert await island.stop(2)


async def test_cancelling_the_wait_cancels_the_coroutine() -> None:
    island: Island[int] = Island("test", Landing().deliver)
    ended = threading.Event()

    async def sleep_long() -> None:
        try:
            await island.pause(60)
        finally:
            ended.set()

    with trio.fail_after(5):
        await island.start()
        with trio.move_on_after(0.05):
            await island.run(sleep_long)
        await trio.to_thread.run_sync(functools.partial(ended.wait, 2))
        assert ended.is_set()
        assert await island.stop(2)


async def test_a_stop_ends_what_waits_for_an_answer() -> None:
    island: Island[int] = Island("test", Landing().deliver)
    with trio.fail_after(5):
        await island.start()
        async with trio.open_nursery() as nursery:

            async def ask() -> None:
                with pytest.raises(IslandClosed):
                    await island.run(island.pause, 60.0)

            nursery.start_soon(ask)
            await trio.testing.wait_all_tasks_blocked()
            assert await island.stop(2)
        with pytest.raises(IslandClosed):
            await island.run(_double, 1)
        assert not island.call(print)
        assert await island.stop(2)


async def test_a_stop_of_a_busy_loop_is_bounded() -> None:
    island: Island[int] = Island("test", Landing().deliver)
    release = threading.Event()
    with trio.fail_after(5):
        await island.start()
        island.call(release.wait)
        assert not await island.stop(0.1)
        release.set()
        assert await island.stop(2)


def test_an_island_that_outlives_trio_raises_nothing() -> None:
    raised: list[object] = []
    islands: list[Island[int]] = []

    async def begin() -> None:
        island: Island[int] = Island("test", Landing().deliver)
        await island.start()
        islands.append(island)

    trio.run(begin)
    done = threading.Event()
    before, threading.excepthook = threading.excepthook, raised.append
    try:
        island = islands[0]
        island.call(island.emit, 1)
        island.call(island.tell, print, "never")
        island.call(done.set)
        assert done.wait(2)
        trio.run(island.stop, 2.0)
    finally:
        threading.excepthook = before
    assert raised == []
