"""A turn's events one by one, as an iterator that may be dropped anywhere: nothing of it has to be closed."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Generic, TypeVar

from .events import Event

T = TypeVar("T")


class Reading(Generic[T]):
    """What `pick` makes of each event that `next_event` gives, until that gives None; None of `pick` is passed over."""

    def __init__(self, next_event: Callable[[], Awaitable[Event | None]], pick: Callable[[Event], T | None]) -> None:
        self._next_event = next_event
        self._pick = pick

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        while (event := await self._next_event()) is not None:
            picked = self._pick(event)
            if picked is not None:
                return picked
        raise StopAsyncIteration


__all__ = ["Reading"]
