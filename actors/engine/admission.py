"""Admission: who may be inside the chat engine, running or queued, and how a place comes back.

Looking for room and taking it are one step, done by the engine's actor on one message. A turn gets its place before
anything costly is done for it, so a turn that is refused has cost nothing, and keeps it until it needs the engine no
more, so none is refused half-way: the prompt that is rendered, the router that decides, and a speculation that is
thrown away and made anew all happen on the same place.
"""

from collections.abc import Hashable

from attrs import define, field

from engines.errors import EngineOverloaded


@define(eq=False)
class Admission:
    """The places of one engine after the other. `limit`: requests that it runs and queues together."""

    limit: int = 0
    _held: set[Hashable] = field(factory=set)

    def __len__(self) -> int:
        return len(self._held)

    def claim(self, turn: Hashable) -> None:
        """A place for this turn, the one that it has already if it has one. Raises `EngineOverloaded`.

        A turn whose engine is gone has none any more, and asks the next one for room like a newcomer.
        """
        if turn in self._held:
            return
        if len(self._held) >= self.limit:
            raise EngineOverloaded(f"{len(self._held)} requests are running or queued, the limit is {self.limit}")
        self._held.add(turn)

    def give_back(self, turn: Hashable) -> None:
        """The turn has left; idempotent, and without effect on an engine in which it has no place."""
        self._held.discard(turn)

    def clear(self) -> None:
        """The engine is gone, and all places in it."""
        self._held.clear()


__all__ = ["Admission"]
