"""Frames that wait for a client: bounded in bytes, token text merged, unsent text droppable."""

import math
from collections import deque
from collections.abc import Callable

import trio
from attrs import define, field

from actors.session.effects import Hangup
from protocol.frames import CLOSING, Address, Frame, token_body, token_head

ENTRY_OVERHEAD_BYTES = 16  # a WebSocket frame's header and the entry itself, roughly


@define
class _Waiting:
    """One entry: a ready frame, or token text of one turn that may still grow."""

    turn: int | None
    size: int
    frame: Frame | None = None
    read_at: float | None = None
    head: str = ""
    texts: list[str] = field(factory=list)


@define
class Outbox:
    """What one session has to say and its client has not taken yet.

    `put` never blocks. `limit`: bytes of waiting frames; a frame over it sets `overflowed` and is dropped, because the
    connection is lost then anyway. A client is slow only by what it could have taken: what comes while the writer has
    nothing to send always fits, and so do a single frame in an empty outbox and the last frames of a turn, which are as
    long as one reply at most. The writer takes everything that
    waits at once: text it took counts as sent. `flush_s`: token text waits that long after the text before it, so that
    deltas which come close together share a frame; a turn's first text and everything else never waits.
    """

    limit: int
    flush_s: float = 0.0
    clock: Callable[[], float] = trio.current_time
    overflowed: bool = False
    hangup: Hangup | None = None
    lingers: bool = False
    sending: trio.CancelScope = field(factory=trio.CancelScope)
    _waiting: deque[_Waiting] = field(factory=deque)
    _bytes: int = 0
    _bell: trio.Event = field(factory=trio.Event)
    _idle: bool = False
    _sent_turn: int = -1
    _sent: list[str] = field(factory=list)
    _first_token_at: float = 0.0
    _last_text_at: float = -math.inf

    @property
    def size(self) -> int:
        """Bytes that wait."""
        return self._bytes

    def put(self, frame: Frame, turn: int | None = None, read_at: float | None = None, *, ends: bool = False) -> None:
        """Queue a frame. `ends`: it is among the last of a turn.

        For a `done`: the turn, and when its frame was read, so that `ttft_ms` can be filled in.
        """
        size = len(frame.encode().encode()) + ENTRY_OVERHEAD_BYTES
        self._append(_Waiting(turn, size, frame, read_at), always=ends)

    def put_text(self, turn: int, address: Address, text: str, *, ends: bool = False) -> None:
        """Queue token text; it merges with text of the same turn that still waits. `ends`: it is the last of it."""
        size = len(text.encode())
        last = self._waiting[-1] if self._waiting else None
        if last is not None and last.turn == turn and last.frame is None:
            if self._fits(size, always=ends):
                last.texts.append(text)
                last.size += size
                self._bytes += size
            return
        head = token_head(address)
        size += len(head.encode()) + ENTRY_OVERHEAD_BYTES
        self._append(_Waiting(turn, size, head=head, texts=[text]), always=ends)

    def drop(self, turn: int) -> None:
        """Forget token text of a turn that has not been sent."""
        for entry in [entry for entry in self._waiting if entry.frame is None and entry.turn == turn]:
            self._waiting.remove(entry)
            self._bytes -= entry.size

    def close(self, why: Hangup, *, lingers: bool = False) -> None:
        """Nothing more will be said: the writer closes the connection after what waits."""
        self.hangup = self.hangup or why
        self.lingers = self.lingers or lingers
        if self.hangup is Hangup.SLOW_CONSUMER:
            self.sending.cancel("the client takes nothing")
        self._bell.set()

    def sent_text(self, turn: int) -> str:
        """The token text of a turn that the writer has taken."""
        return "".join(self._sent) if self._sent_turn == turn else ""

    def take(self) -> list[str]:
        """Everything that waits, encoded, in order."""
        taken, self._waiting, self._bytes = self._waiting, deque(), 0
        return [self._encode(entry) for entry in taken]

    async def wait(self) -> None:
        """Return when there is something to take, or the session is over."""
        while self.hangup is None and not self.overflowed:
            if self._waiting and self.clock() >= self._held_until():
                return
            self._idle = True
            with trio.move_on_at(self._held_until() if self._waiting else math.inf):
                await self._bell.wait()
            self._idle = False
            self._bell = trio.Event()

    def _held_until(self) -> float:
        """When what waits may be taken: later only if all of it is more text of a turn that has begun to flow."""
        flows = all(entry.frame is None and entry.turn == self._sent_turn for entry in self._waiting)
        return self._last_text_at + self.flush_s if self.flush_s and flows else -math.inf

    def _append(self, entry: _Waiting, *, always: bool = False) -> None:
        if self.hangup is None and self._fits(entry.size, always=always):
            self._waiting.append(entry)
            self._bytes += entry.size
            self._bell.set()

    def _fits(self, size: int, *, always: bool = False) -> bool:
        if self._bytes and self._bytes + size > self.limit and not (always or self._idle):
            self.overflowed = True
            self._bell.set()
        return not self.overflowed

    def _encode(self, entry: _Waiting) -> str:
        if entry.frame is not None:
            return self._timed(entry.frame, entry).encode()
        assert entry.turn is not None
        if entry.turn != self._sent_turn:
            self._sent_turn, self._sent, self._first_token_at = entry.turn, [], self.clock()
        self._last_text_at = self.clock()
        self._sent.extend(entry.texts)
        return entry.head + token_body("".join(entry.texts)) + CLOSING

    def _timed(self, frame: Frame, entry: _Waiting) -> Frame:
        """A `done` learns only here when its turn's first token was handed to the socket."""
        timings = frame.payload.get("timings")
        if not isinstance(timings, dict) or entry.read_at is None or entry.turn != self._sent_turn:
            return frame
        measured = {**timings, "ttft_ms": milliseconds(self._first_token_at - entry.read_at)}
        return Frame(frame.type, frame.address, {**frame.payload, "timings": measured})


def milliseconds(seconds: float) -> float:
    """Seconds as milliseconds with microsecond resolution, as the wire shows them."""
    return round(seconds * 1000, 3)


__all__ = ["Outbox", "milliseconds"]
