"""How late the event loop is: what every session in it has to wait for."""

from collections.abc import Callable
from typing import NoReturn

import trio

from runtime.telemetry import catalogue as of
from runtime.telemetry.books import Books

EVERY_S = 0.1


async def watch_lag(books: Books, serves: Callable[[], bool]) -> NoReturn:
    """Sleep again and again, and record by how much each sleep was too long, until cancelled.

    From the first time on that `serves` says so: before, the loop is busy with what is loaded, and nobody waits.
    """
    began = False
    while True:
        due = trio.current_time() + EVERY_S
        await trio.sleep_until(due)
        began = began or serves()
        if began:
            books.record(of.LOOP_LAG, max(0.0, trio.current_time() - due))


__all__ = ["watch_lag"]
