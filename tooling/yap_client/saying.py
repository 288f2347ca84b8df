"""A turn about to be said, to be awaited or used as a block."""

from collections.abc import Awaitable, Callable, Coroutine, Generator
from types import TracebackType
from typing import Any

from .turn import Turn


class Saying:
    """`async with` it, or `await` it.

    As a block it stops the turn where the block is left before the turn's end, by whatever way. Awaited, it gives the
    turn into the caller's hands; a wait for its events that is cancelled then stops it.
    """

    def __init__(self, stop: Callable[[Turn], Awaitable[None]], saying: Coroutine[Any, Any, Turn]) -> None:
        self._stop = stop
        self._saying = saying
        self._turn: Turn | None = None

    def __await__(self) -> Generator[Any, None, Turn]:
        return self._saying.__await__()

    async def __aenter__(self) -> Turn:
        self._turn = await self
        self._turn.own()
        return self._turn

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._turn is not None:
            await self._stop(self._turn)


__all__ = ["Saying"]
