"""Callers of one server: many whose replies stream and who talk into them, some who wait until all is quiet.

Both kinds ask at the same moments, of the same busy server, so that their times to the first token can be compared.
"""

import random
import selectors
import socket
import time
from collections.abc import Callable, Sequence

from attrs import define, field, frozen

from tooling.benchmarks.bystander.frames import message, received, start
from tooling.benchmarks.bystander.watcher import connect

PAUSE_S = 0.02
"""Between two moments at which somebody asks, half to one and a half times: no rhythm that the engine's could meet."""
PATIENCE_S = 30.0


@frozen
class FirstTokens:
    """Milliseconds from a message to the first token of its turn."""

    into_a_reply: list[float] = field(factory=list)
    after_quiet: list[float] = field(factory=list)


@define(eq=False)
class Caller:
    """One session. `asked_at`: when the message was sent whose first token has not come; `busy`: a turn runs."""

    stream: socket.socket
    name: str
    samples: list[float]
    stops: bool = False
    turn: int = 0
    asked_at: float | None = None
    busy: bool = False
    buffer: bytearray = field(factory=bytearray)

    def ask(self) -> None:
        """The next turn."""
        self.turn += 1
        kind, payload = ("message", {"user_utterance": "And then?"}) if self.turn > 1 else ("start", start())
        self.busy, self.asked_at = True, time.perf_counter()
        self.stream.sendall(message(kind, self._id, payload))

    def read(self) -> None:
        """Take what came."""
        data = self.stream.recv(65536)
        if not data:
            raise SystemExit("the server ended a connection")
        self.buffer += data
        for _, payload in received(self.buffer):
            if f'"request_id":"{self._id}"'.encode() in payload:
                self._hear(payload)

    def _hear(self, payload: bytes) -> None:
        if payload.startswith(b'{"type":"token"') and self.asked_at is not None:
            if self.turn > 1:
                self.samples.append((time.perf_counter() - self.asked_at) * 1000)
            self.asked_at = None
            if self.stops:
                self.stream.sendall(message("cancel", self._id, {}))
        elif payload.startswith((b'{"type":"cancelled"', b'{"type":"done"')):
            self.busy = False
        elif payload.startswith(b'{"type":"error"'):
            raise SystemExit(f"a turn failed: {payload!r}")

    @property
    def _id(self) -> str:
        return f"{self.name}-{self.turn}"


def call(port: int, key: str, streaming: int, quiet: int, seconds: float) -> FirstTokens:
    """Let everybody stream, then let one after the other of each kind ask for so long."""
    told = FirstTokens()
    into = [Caller(connect(port, key), f"s{number}", told.into_a_reply) for number in range(streaming)]
    after = [Caller(connect(port, key), f"q{number}", told.after_quiet, stops=True) for number in range(quiet)]
    chance = random.Random(0)  # noqa: S311 - when somebody asks
    with selectors.DefaultSelector() as waiting:
        for caller in (*into, *after):
            waiting.register(caller.stream, selectors.EVENT_READ, caller)
            caller.ask()
        _until(waiting, lambda: all(each.asked_at is None for each in into) and not any(each.busy for each in after))
        end, moment = time.perf_counter() + seconds, 0
        while time.perf_counter() < end:
            _ask_next(into, moment, busy=True)
            _ask_next(after, moment, busy=False)
            moment += 1
            _for(waiting, PAUSE_S * chance.uniform(0.5, 1.5))
        _until(waiting, lambda: all(each.asked_at is None for each in (*into, *after)))
    for caller in (*into, *after):
        caller.stream.close()
    return told


def _ask_next(callers: Sequence[Caller], moment: int, *, busy: bool) -> None:
    caller = callers[moment % len(callers)]
    if caller.busy is busy and caller.asked_at is None:
        caller.ask()


def _until(waiting: selectors.BaseSelector, done: Callable[[], bool]) -> None:
    end = time.perf_counter() + PATIENCE_S
    while not done():
        if time.perf_counter() > end:
            raise SystemExit("the server is too slow for so many sessions")
        _for(waiting, 0.02)


def _for(waiting: selectors.BaseSelector, seconds: float) -> None:
    end = time.perf_counter() + seconds
    while (left := end - time.perf_counter()) > 0:
        for ready, _ in waiting.select(left):
            ready.data.read()


__all__ = ["FirstTokens", "call"]
