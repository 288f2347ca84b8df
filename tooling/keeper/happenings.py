"""What a watched server does that somebody wants to write down."""

from typing import Protocol


class Happenings(Protocol):
    """Called by the watch, one at a time, each as soon as it happens."""

    def listens(self, port: int) -> None:
        """It told where it listens. Once at the most."""

    def at(self, progress: str) -> None:
        """It is not ready and said why; every half second."""

    def ready(self) -> None:
        """It is ready. Once at the most."""

    def asked(self) -> None:
        """The first signal went to it. Once at the most."""

    def late(self) -> None:
        """It did not become ready in time and is being stopped for it. Once at the most."""

    def owes(self) -> bool:
        """Whether to come back here soon, whatever happens."""


__all__ = ["Happenings"]
