"""Where clients' texts are parsed, tokenised and rendered: on the loop what costs next to nothing, else in threads."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import trio
from attrs import define, field

P = ParamSpec("P")
T = TypeVar("T")

INLINE_CHARS = 512
"""Shorter texts stay on the loop: half a millisecond for the worst of them, where a hop to a thread costs 0.15 ms."""

LONG_CHARS = 8192
"""From here on a text waits for those of its kind only, and holds up no short one: 20 ms of work and more."""


@define(eq=False)
class Lanes:
    """The threads of one server process that work on clients' texts.

    Three queues, so that nobody's long frame is in front of another one's short one, and no frame in front of a
    prompt that a user waits for. Few threads each: they share one interpreter, and each that wants it makes the loop
    wait longer for it. `inline_chars`: shorter work is done at once, on the loop.
    """

    inline_chars: int = INLINE_CHARS
    _long: trio.CapacityLimiter = field(factory=lambda: trio.CapacityLimiter(1), init=False)
    _short: trio.CapacityLimiter = field(factory=lambda: trio.CapacityLimiter(2), init=False)
    _prompts: trio.CapacityLimiter = field(factory=lambda: trio.CapacityLimiter(2), init=False)

    async def frame(self, chars: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `work` returns for a frame whose texts have `chars` characters, or what it raises."""
        if chars <= self.inline_chars:
            return work(*args, **kwargs)
        lane = self._long if chars > LONG_CHARS else self._short
        return await trio.to_thread.run_sync(lambda: work(*args, **kwargs), limiter=lane)

    async def prompt(self, chars: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The same for a prompt; a turn that is cancelled leaves it behind."""
        if chars <= self.inline_chars:
            return work(*args, **kwargs)
        return await trio.to_thread.run_sync(
            lambda: work(*args, **kwargs), limiter=self._prompts, abandon_on_cancel=True
        )


__all__ = ["INLINE_CHARS", "LONG_CHARS", "Lanes"]
