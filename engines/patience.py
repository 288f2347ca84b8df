"""Waiting for what nobody announces: the end of a thread or of a child process."""

from collections.abc import Callable

import trio

# Between two looks, in seconds.
_LOOK_S = 0.01


async def comes_true(asked: Callable[[], bool], within_s: float) -> bool:
    """Whether it comes true within so many seconds; returns as soon as it does.

    Asked now and then: waiting in a thread would need one, and there may be none to be had.
    """
    with trio.move_on_after(within_s):
        while not asked():  # noqa: ASYNC110  # no event tells of it
            await trio.sleep(_LOOK_S)
    return asked()


__all__ = ["comes_true"]
