"""What a way out of the machine is to the switchboard."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from actors.happenings import Observer
from runtime.telemetry.books import Snapshot

Look = Callable[[], Awaitable[Snapshot]]


class Outlet(Observer, Protocol):
    """A way out of the machine: is told everything, and takes the books along from time to time."""

    async def run(self, look: Look) -> None:
        """Send until cancelled. `look`: everything that is counted, as it is now."""

    async def close(self, timeout_s: float) -> None:
        """Send what is left, after `run` has ended; what takes longer is given up."""


__all__ = ["Look", "Outlet"]
