"""A set whose order is the same in every run."""

from collections.abc import Iterator

from actors.connection import Connection


class InOrder(set[Connection]):
    """Connections in the order in which they came; a set's own order is that of addresses in memory."""

    def __init__(self) -> None:
        super().__init__()
        self._order: dict[Connection, None] = {}

    def add(self, element: Connection) -> None:
        """Put one in."""
        super().add(element)
        self._order[element] = None

    def discard(self, element: object) -> None:
        """Take one out, if it is there."""
        super().discard(element)
        self._order.pop(element, None)  # type: ignore[call-overload]

    def __iter__(self) -> Iterator[Connection]:
        return iter(tuple(self._order))


__all__ = ["InOrder"]
