"""Connections that have no slot yet: accepted whatever happens, bounded in number, the stalled ones first to go."""

import errno
import math
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import structlog
import trio
from attrs import define, field

log = structlog.get_logger()
SHORT_OF_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS})
PAUSE_S = 0.1
CALM_S = 10.0
"""After so long without a failure, the next one is worth a line in the log again."""


@define(eq=False)
class Arrival:
    """A connection on its way to a slot. `reads_head`: its request is not complete yet."""

    scope: trio.CancelScope = field(factory=trio.CancelScope)
    reads_head: bool = True


@define(eq=False)
class Arrivals:
    """At most `limit` of them. A newcomer is always let in, so that health probes are answered: whoever has been
    sending its head for longest makes room; where all heads are complete, whoever has been here for longest.
    """

    limit: int
    _waiting: dict[Arrival, None] = field(factory=dict)

    @property
    def waiting(self) -> int:
        """Connections that are here and have no slot."""
        return len(self._waiting)

    @contextmanager
    def arrival(self) -> Iterator[Arrival]:
        """One connection; it is cut off, without an exception, when it has to make room."""
        if len(self._waiting) >= self.limit:
            self.make_room()
        arrival = Arrival()
        self._waiting[arrival] = None
        try:
            with arrival.scope:
                yield arrival
        finally:
            self.settled(arrival)

    def settled(self, arrival: Arrival) -> None:
        """It has a slot, or is gone: it makes room for nobody any more."""
        self._waiting.pop(arrival, None)

    def make_room(self) -> None:
        """Close the one that has kept us waiting longest, if there is one."""
        longest = next((each for each in self._waiting if each.reads_head), next(iter(self._waiting), None))
        if longest is not None:
            self.settled(longest)
            longest.scope.cancel("it had to make room")


async def accept_forever(
    listener: trio.abc.Listener[trio.SocketStream],
    nursery: trio.Nursery,
    serve: Callable[[trio.SocketStream], Awaitable[None]],
    make_room: Callable[[], None],
) -> None:
    """Serve every connection in a task of its own, and close the listener at the end.

    Where the machine is out of descriptors, connections wait in the kernel: try again, with one line in the log.
    """
    async with listener:
        failed_at = -math.inf
        while True:
            try:
                stream = await listener.accept()
            except OSError as error:
                if error.errno not in SHORT_OF_DESCRIPTORS:
                    raise
                now = trio.current_time()
                if now - failed_at >= CALM_S:
                    log.warning("server.cannot_accept", why=error.strerror, retries_every_s=PAUSE_S)
                failed_at = now
                make_room()
                await trio.sleep(PAUSE_S)
            else:
                nursery.start_soon(serve, stream)


__all__ = ["Arrival", "Arrivals", "accept_forever"]
