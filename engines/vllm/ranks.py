"""Data parallel ranks: a session stays on the rank that holds its prefix."""

from collections import OrderedDict

# Sessions end without telling; the oldest are forgotten, which costs them a cold prefix and nothing else.
REMEMBERED = 16384


class Ranks:
    """Which of `count` replicas serves a session: the one of its first turn, which was the least loaded then."""

    def __init__(self, count: int, remembered: int = REMEMBERED) -> None:
        self._load = [0] * count
        self._homes: OrderedDict[int, int] = OrderedDict()
        self._remembered = remembered

    @property
    def load(self) -> tuple[int, ...]:
        """Running requests per rank."""
        return tuple(self._load)

    def take(self, affinity: int) -> int:
        """The rank for a request of session `affinity`, counted there until `give_back`."""
        rank = self._homes.get(affinity)
        if rank is None:
            rank = min(range(len(self._load)), key=self._load.__getitem__)
            self._homes[affinity] = rank
            if len(self._homes) > self._remembered:
                self._homes.popitem(last=False)
        self._homes.move_to_end(affinity)
        self._load[rank] += 1
        return rank

    def give_back(self, rank: int) -> None:
        """A request on this rank ended."""
        self._load[rank] -= 1


__all__ = ["REMEMBERED", "Ranks"]
