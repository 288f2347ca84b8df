"""Who may come in: keys, the throttle on wrong ones, and connection slots."""

import hmac
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import trio
from attrs import define, field

from protocol.errors import PeerProtocolError
from runtime.heads import RequestHead
from runtime.settings import Secret

REMEMBERED_PEERS = 4096
"""Peer addresses with recent failures that are kept; the oldest go first, so that a scan cannot fill the memory."""
AUTH_MESSAGE = "Authentication required. Provide valid API key via 'api_key' query parameter or 'X-API-Key' header."


def check_keys(head: RequestHead, keys: Sequence[Secret]) -> None:
    """Raise `authentication_failed` unless the request carries at least one key and every one it carries is valid."""
    given = [*head.headers.get("x-api-key", ()), *head.query.get("api_key", ())]
    for value in head.headers.get("authorization", ()):
        scheme, _, token = value.partition(" ")
        given.append(token.strip() if scheme.lower() == "bearer" else "")
    if not given:
        raise PeerProtocolError("authentication_failed", "missing_key", AUTH_MESSAGE)
    # Every key is compared with every other, so that the time taken tells nothing about which one was close.
    verdicts = [[_equal(candidate, key) for key in keys] for candidate in given]
    if not all(any(row) for row in verdicts):
        raise PeerProtocolError("authentication_failed", "invalid_key", AUTH_MESSAGE)


def _equal(candidate: str, key: Secret) -> bool:
    return hmac.compare_digest(candidate.encode(), key.reveal().encode())


@define
class Throttle:
    """Counts failed keys per peer address in a sliding window of seconds. 0 failures allowed: no throttle."""

    max_failures: int
    window_s: float
    _failures: OrderedDict[str, deque[float]] = field(factory=OrderedDict)

    def blocks(self, peer: str, now: float) -> bool:
        """Whether this peer has failed too often lately."""
        return bool(self.max_failures) and len(self._recent(peer, now)) > self.max_failures

    def failed(self, peer: str, now: float) -> None:
        """One more wrong or missing key."""
        if not self.max_failures:
            return
        times = self._failures.setdefault(peer, deque(maxlen=self.max_failures + 1))
        times.append(now)
        self._failures.move_to_end(peer)
        if len(self._failures) > REMEMBERED_PEERS:
            self._failures.popitem(last=False)

    def _recent(self, peer: str, now: float) -> deque[float]:
        times = self._failures.get(peer, deque())
        while times and times[0] <= now - self.window_s:
            times.popleft()
        if not times:
            self._failures.pop(peer, None)
        return times


@define(eq=False)
class Slots:
    """At most `limit` connections; a newcomer waits up to `patience_s` for one to leave."""

    limit: int
    patience_s: float
    _free: trio.Semaphore = field(init=False)
    _waiting: dict[trio.CancelScope, None] = field(factory=dict)
    _shut: Callable[[], PeerProtocolError] | None = None

    def __attrs_post_init__(self) -> None:
        self._free = trio.Semaphore(self.limit, max_value=self.limit)

    @property
    def taken(self) -> int:
        """Connections that hold a slot."""
        return self.limit - self._free.value

    def shut(self, why: Callable[[], PeerProtocolError]) -> None:
        """Nobody gets one any more: who waits for it, and who comes, is told why at once."""
        self._shut = why
        for patience in list(self._waiting):
            patience.cancel("there will be no slot")

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Hold a slot. Raises `server_at_capacity` when none comes free in time, or what they were shut with."""
        if self._shut is not None:
            raise self._shut()
        try:
            self._free.acquire_nowait()  # without patience (0 s), waiting would be cancelled even with a slot free
        except trio.WouldBlock:
            await self._wait()
        try:
            yield
        finally:
            self._free.release()

    async def _wait(self) -> None:
        with trio.move_on_after(self.patience_s) as patience:
            self._waiting[patience] = None
            try:
                await self._free.acquire()
            finally:
                del self._waiting[patience]
        if patience.cancelled_caught:
            raise no_slot() if self._shut is None else self._shut()


def no_slot() -> PeerProtocolError:
    """What a connection is told that gets no slot."""
    message = "Server cannot accept new connections. Please try again later."
    return PeerProtocolError("server_at_capacity", "no_slot", message)


def shutting_down() -> PeerProtocolError:
    """What a connection is told that comes too late."""
    message = "The server is shutting down; connect again in a few seconds."
    return PeerProtocolError("server_busy", "engine_unavailable", message, details={"retry_in": 5})


__all__ = ["AUTH_MESSAGE", "Slots", "Throttle", "check_keys", "no_slot", "shutting_down"]
