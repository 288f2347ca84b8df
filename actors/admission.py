"""Admission: who may be inside the chat engine, running or queued, and how a place comes back.

Looking for room and taking it are one step. A turn gets its place before anything costly is done for it, so a turn
that is refused has cost nothing, and keeps it until it needs the engine no more, so none is refused half-way: the
prompt that is rendered, the router that decides, and a speculation that is thrown away and made anew all happen on the
same place. Nothing here waits, so that an actor can do each step on one message.
"""

from attrs import define, field

from actors.generation import Generation
from engines.errors import EngineOverloaded


@define(eq=False)
class Place:
    """Room for one request at a time, held by one turn. `generation`: the request that was made on it last."""

    _admission: "Admission"
    generation: Generation | None = None
    given_back: bool = False

    def give_back(self) -> None:
        """Leave; idempotent, and without effect on an engine that came after the one it was taken in."""
        self.given_back = True
        self._admission.remove(self)


@define(eq=False)
class Admission:
    """The places of one engine after the other. `limit`: requests that it runs and queues together."""

    limit: int = 0
    _held: set[Place] = field(factory=set)

    def __len__(self) -> int:
        return len(self._held)

    def take(self) -> Place:
        """A place for a turn that comes in. Raises `EngineOverloaded`."""
        place = Place(self)
        self.claim(place)
        return place

    def claim(self, place: Place) -> None:
        """Make sure that `place` is one: it is not if its engine is gone, and is then asked for like a new one.

        Raises `EngineOverloaded`.
        """
        assert not place.given_back, "a request on a place that was given back"
        if place in self._held:
            return
        if len(self._held) >= self.limit:
            raise EngineOverloaded(f"{len(self._held)} requests are running or queued, the limit is {self.limit}")
        self._held.add(place)

    def occupy(self, place: Place, generation: Generation) -> None:
        """A request begins on its place, where none is alive."""
        assert place in self._held, "a request without a place"
        assert place.generation is None or place.generation.ended.is_set(), "two requests on one place"
        place.generation = generation

    def remove(self, place: Place) -> None:
        """A turn has left."""
        self._held.discard(place)

    def clear(self) -> None:
        """The engine is gone, and all places in it."""
        self._held.clear()


__all__ = ["Admission", "Place"]
