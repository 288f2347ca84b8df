"""The few things that a session needs of an event loop; each flavour brings them. Nothing here imports a loop."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol

from .address import Endpoint
from .errors import TimedOut
from .limits import LinkLimits


class Signal(Protocol):
    """Something that happens once."""

    def set(self) -> None:
        """It happened."""

    async def wait(self) -> object:
        """Until it happens."""


class FrameLink(Protocol):
    """An open WebSocket; what it raises and how it is bounded stands with the two that there are."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Of the server's answer to the handshake."""

    async def send(self, text: str) -> None:
        """Write one frame."""

    async def receive(self, awaited: str, limit_s: float) -> str | bytes:
        """The next frame."""

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """The close handshake, then the end."""

    async def abort(self) -> None:
        """The end at once."""


class Backend(Protocol):
    """An event loop, as far as a session knows one."""

    def now(self) -> float:
        """Monotonic seconds."""

    def signal(self) -> Signal:
        """A new one."""

    async def wait(self, signal: Signal, limit_s: float) -> bool:
        """Until it happens; False if it does not within the limit."""

    async def dial(self, endpoint: Endpoint, limits: LinkLimits) -> FrameLink:
        """Connect once. Raises `ConnectError`."""

    def spawn(self, function: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run it beside the caller until it ends or the session does."""


class Bell:
    """Wakes whoever waits for something to become true."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._signal: Signal | None = None

    def ring(self) -> None:
        """Something changed."""
        if self._signal is not None:
            self._signal.set()
            self._signal = None

    async def until(self, true: Callable[[], bool], limit_s: float, awaited: str) -> None:
        """Return once it is true. Raises `TimedOut`, which names what was `awaited`."""
        deadline = self._backend.now() + limit_s
        while not true():
            if self._signal is None:
                self._signal = self._backend.signal()
            if not await self._backend.wait(self._signal, deadline - self._backend.now()) and not true():
                raise TimedOut(f"no {awaited} within {limit_s:g} s")


__all__ = ["Backend", "Bell", "FrameLink", "Signal"]
