"""Frames for a client: sent at once if its socket takes them, else bounded in bytes, merged, and droppable."""

import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

import trio
from attrs import define, field

from actors.session.effects import Hangup
from protocol.frames import Frame, token_frame

_AT_ONCE = (Hangup.GONE, Hangup.SLOW_CONSUMER)  # reasons to hang up after which nothing is said any more
ENTRY_OVERHEAD_BYTES = 16  # a WebSocket frame's header and the entry itself, roughly


class Line(Protocol):
    """The way to the client, for whoever does not wait."""

    @property
    def free(self) -> bool:
        """Whether it is open and has taken all it was given."""

    def send_now(self, frames: Sequence[bytes]) -> bool:
        """Hand over frames while it is free; whether it still is. Never raises: `send` tells what is wrong."""


@define
class _Waiting:
    """One entry: a ready frame, a `done` whose times are incomplete, or token text of one turn that may still grow."""

    turn: int | None
    size: int
    ready: bytes = b""
    done: Frame | None = None
    read_at: float = 0.0
    head: bytes = b""
    texts: list[str] | None = None


@define(eq=False)
class Outbox:
    """What one session has to say and its client has not taken yet.

    Nothing here blocks. `limit`: bytes of waiting frames; a frame over it sets `overflowed` and is dropped, because the
    connection is lost then anyway. A client is slow only by what it could have taken: what comes while the writer has
    nothing to send always fits, and so do a single frame in an empty outbox and the last frames of a turn, which are as
    long as one reply at most. The writer takes everything that waits at once: text it took counts as sent. `flush_s`:
    token text waits that long after the text before it, so that deltas which come close together share a frame; a
    turn's first text and everything else never waits.

    Whoever puts something in calls `flush` before anybody else runs, or says it at once (`say`). `flush` hands what
    waits to a `line` that is free, which saves waking the writer for every step of an engine; where it is not, the
    writer is woken and `take`s it.
    """

    limit: int
    flush_s: float = 0.0
    clock: Callable[[], float] = trio.current_time
    overflowed: bool = False
    hangup: Hangup | None = None
    lingers: bool = False
    sending: trio.CancelScope = field(factory=trio.CancelScope)
    line: Line | None = None
    stuck: bool = False
    _waiting: deque[_Waiting] = field(factory=deque)
    _bytes: int = 0
    _bell: trio.Event = field(factory=trio.Event)
    _idle: bool = False
    _text_turn: int = -1
    _text_at: float = 0.0
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
        data = frame.encode()
        size = len(data) + ENTRY_OVERHEAD_BYTES
        if read_at is None:
            self._append(_Waiting(turn, size, data), always=ends)
        else:
            self._append(_Waiting(turn, size, done=frame, read_at=read_at), always=ends)

    def put_text(self, turn: int, head: bytes, text: str, *, ends: bool = False) -> None:
        """Queue token text; it merges with text of the same turn that still waits.

        `head`: the turn's `token_head`. `ends`: it is the last of its turn.
        """
        if turn != self._text_turn:
            self._text_turn, self._text_at = turn, self.clock()
        size = len(text) if text.isascii() else len(text.encode())
        last = self._waiting[-1] if self._waiting else None
        if last is not None and last.turn == turn and last.texts is not None:
            if self._fits(size, always=ends):
                last.texts.append(text)
                last.size += size
                self._bytes += size
            return
        self._append(_Waiting(turn, size + len(head) + ENTRY_OVERHEAD_BYTES, head=head, texts=[text]), always=ends)

    def say(self, turn: int, head: bytes, text: str) -> None:
        """`put_text` and `flush` at once: text of a reply that flows to a client that keeps up, which is nearly all."""
        line = self.line
        if self._waiting or turn != self._sent_turn or self.flush_s or line is None or not line.free or self._is_over:
            self.put_text(turn, head, text)
            self.flush()
            return
        self._sent.append(text)
        if not line.send_now((token_frame(head, text),)):
            self.stuck = True
            self._bell.set()

    def flush(self) -> None:
        """Hand what waits to the line if it is free; else wake the writer."""
        if not self._waiting:
            return
        line = self.line
        if line is None or not line.free or self._is_over or self._is_held():
            self._bell.set()
            return
        if not line.send_now(self.take()):
            self.stuck = True
            self._bell.set()

    def drop(self, turn: int) -> None:
        """Forget token text of a turn that has not been sent."""
        for entry in [entry for entry in self._waiting if entry.texts is not None and entry.turn == turn]:
            self._waiting.remove(entry)
            self._bytes -= entry.size

    def close(self, why: Hangup, *, lingers: bool = False) -> None:
        """Nothing more will be said: the writer closes the connection after what waits."""
        self.hangup = self.hangup or why
        self.lingers = self.lingers or lingers
        if self.hangup in _AT_ONCE:
            self.sending.cancel("the client takes nothing, or is gone")
        self._bell.set()

    def sent_text(self, turn: int) -> str:
        """The token text of a turn that the writer has taken."""
        return "".join(self._sent) if self._sent_turn == turn else ""

    def first_text_at(self, turn: int) -> float | None:
        """When the first text of a turn came; None if none has, or another turn's is newer."""
        return self._text_at if self._text_turn == turn else None

    def take(self) -> list[bytes]:
        """Everything that waits, encoded, in order."""
        taken, self._waiting, self._bytes = self._waiting, deque(), 0
        return [self._encode(entry) for entry in taken]

    async def wait(self) -> None:
        """Return when there is something for the writer to do, or the session is over.

        After an overflow there is nothing until the session hangs up, which it does for that reason.
        """
        while self.hangup is None and not self.stuck:
            if self._waiting and not self._is_held() and not self.overflowed:
                return
            self._idle = True
            with trio.move_on_at(self._held_until() if self._waiting and not self.overflowed else math.inf):
                await self._bell.wait()
            self._idle = False
            self._bell = trio.Event()
        self.stuck = False

    @property
    def _is_over(self) -> bool:
        """Whether nothing is said any more, although something may wait."""
        return self.overflowed or self.hangup in _AT_ONCE

    def _is_held(self) -> bool:
        return bool(self.flush_s) and self.clock() < self._held_until()

    def _held_until(self) -> float:
        """When what waits may be taken: later only if all of it is more text of a turn that has begun to flow."""
        flows = all(entry.texts is not None and entry.turn == self._sent_turn for entry in self._waiting)
        return self._last_text_at + self.flush_s if self.flush_s and flows else -math.inf

    def _append(self, entry: _Waiting, *, always: bool = False) -> None:
        if self.hangup is None and self._fits(entry.size, always=always):
            self._waiting.append(entry)
            self._bytes += entry.size

    def _fits(self, size: int, *, always: bool = False) -> bool:
        if self._bytes and self._bytes + size > self.limit and not (always or self._idle):
            self.overflowed = True
            self._bell.set()
        return not self.overflowed

    def _encode(self, entry: _Waiting) -> bytes:
        if entry.texts is None:
            return entry.ready if entry.done is None else self._timed(entry.done, entry).encode()
        assert entry.turn is not None
        if entry.turn != self._sent_turn:
            self._sent_turn, self._sent, self._first_token_at = entry.turn, [], self.clock()
        if self.flush_s:
            self._last_text_at = self.clock()
        self._sent.extend(entry.texts)
        return token_frame(entry.head, entry.texts[0] if len(entry.texts) == 1 else "".join(entry.texts))

    def _timed(self, frame: Frame, entry: _Waiting) -> Frame:
        """A `done` learns only here when its turn's first token was handed to the socket."""
        timings = frame.payload.get("timings")
        if not isinstance(timings, dict) or entry.turn != self._sent_turn:
            return frame
        measured = {**timings, "ttft_ms": milliseconds(self._first_token_at - entry.read_at)}
        return Frame(frame.type, frame.address, {**frame.payload, "timings": measured})


def milliseconds(seconds: float) -> float:
    """Seconds as milliseconds with microsecond resolution, as the wire shows them."""
    return round(seconds * 1000, 3)


__all__ = ["Line", "Outbox", "milliseconds"]
