"""The lanes: short work at once, long work behind its own kind only."""

import threading
from collections.abc import Callable

import pytest
import trio
import trio.testing

from actors.lanes import INLINE_CHARS, LONG_CHARS, Lanes


async def test_short_work_is_done_at_once_on_the_loop() -> None:
    lanes = Lanes()
    here = threading.get_ident()
    assert await lanes.frame(INLINE_CHARS, threading.get_ident) == here
    assert await lanes.prompt(INLINE_CHARS, threading.get_ident) == here


async def test_longer_work_is_done_in_a_thread_and_may_fail_there() -> None:
    lanes = Lanes()
    here = threading.get_ident()
    for chars in (INLINE_CHARS + 1, LONG_CHARS + 1):
        assert await lanes.frame(chars, threading.get_ident) != here
        assert await lanes.prompt(chars, threading.get_ident) != here
        with pytest.raises(ValueError, match="no number"):
            await lanes.frame(chars, _fail)


async def test_a_hundred_long_frames_do_not_keep_a_short_one_nor_a_prompt_waiting() -> None:
    lanes = Lanes()
    gate = threading.Event()
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            for _ in range(100):
                nursery.start_soon(lanes.frame, LONG_CHARS + 1, _waiting(gate))
            await trio.testing.wait_all_tasks_blocked()
            await lanes.frame(LONG_CHARS, threading.get_ident)
            await lanes.prompt(LONG_CHARS + 1, threading.get_ident)
            gate.set()


async def test_a_prompt_that_nobody_waits_for_any_more_is_left_behind() -> None:
    lanes = Lanes()
    gate = threading.Event()
    with trio.move_on_after(0.01) as patience:
        await lanes.prompt(INLINE_CHARS + 1, _waiting(gate))
    assert patience.cancelled_caught
    gate.set()


def _fail() -> None:
    raise ValueError("no number")


def _waiting(gate: threading.Event) -> Callable[[], bool]:
    return lambda: gate.wait(10)
