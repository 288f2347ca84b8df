"""Connections that have no slot yet: accepted whatever happens, bounded in number, the stalled ones first to go.

Whoever goes is told to come again: of five hundred honest clients that come at the same moment, all but the newest are
as slow as a stranger who never completes its head.
"""

import errno
import math
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus

import structlog
import trio
from attrs import define, field

from runtime.heads import Answer

log = structlog.get_logger()
SHORT_OF_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS})
PAUSE_S = 0.1
CROWDED = Answer(
    HTTPStatus.SERVICE_UNAVAILABLE,
    {"error": "too many connections are coming in at once; come again"},
    (("Retry-After", "1"),),
)
CALM_S = 10.0
"""After so long without a failure, the next one is worth a line in the log again."""


@define(eq=False)
class Arrival:
    """A connection on its way to a slot.

    `reads_head`: its request is not complete yet. `knocks`: it waits for a slot, and nothing was said to it but that it
    is a WebSocket. `is_asked`: it had to make room, and there is time to tell it so.
    """

    scope: trio.CancelScope = field(factory=trio.CancelScope)
    reads_head: bool = True
    knocks: bool = False
    is_asked: bool = False


@define(eq=False)
class Arrivals:
    """At most `limit` of them. A newcomer is always let in, so that health probes are answered: whoever has been
    sending its head for longest makes room; where all heads are complete, whoever has been here for longest. Of those
    who are told so, no more than `limit` are there at once either.
    """

    limit: int
    _waiting: dict[Arrival, None] = field(factory=dict)
    _leaving: dict[trio.CancelScope, None] = field(factory=dict)

    @property
    def waiting(self) -> int:
        """Connections that are here and have no slot."""
        return len(self._waiting)

    @contextmanager
    def arrival(self) -> Iterator[Arrival]:
        """One connection; it is cut short, without an exception, when it has to make room: see `Arrival.is_asked`."""
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

    @contextmanager
    def leaving(self) -> Iterator[None]:
        """The time to tell one that had to make room; over, without an exception, when too many others are told."""
        if len(self._leaving) >= self.limit:
            self._hurry()
        scope = trio.CancelScope()
        self._leaving[scope] = None
        try:
            with scope:
                yield
        finally:
            self._leaving.pop(scope, None)

    def make_room(self, *, at_once: bool = False) -> None:
        """Ask the one to leave that has kept us waiting longest, if there is one; `at_once`: without a word."""
        longest = next((each for each in self._waiting if each.reads_head), next(iter(self._waiting), None))
        if longest is not None:
            longest.is_asked = not at_once
            self.settled(longest)
            longest.scope.cancel("it had to make room")

    def free_one(self) -> None:
        """A descriptor is needed now: close one that is leaving, or else the one that `make_room` would ask."""
        if not self._hurry():
            self.make_room(at_once=True)

    def _hurry(self) -> bool:
        scope = next(iter(self._leaving), None)
        if scope is not None:
            del self._leaving[scope]
            scope.cancel("others are told as well")
        return scope is not None


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


__all__ = ["CROWDED", "Arrival", "Arrivals", "accept_forever"]
