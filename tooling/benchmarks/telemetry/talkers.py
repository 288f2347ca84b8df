"""`python -m tooling.benchmarks.telemetry.talkers PORT PID SESSIONS TURNS`: clients that hold one turn after the other.

Plain sockets and one selector. Each session says its next message as soon as the reply to the last one is complete.
Prints the server's CPU seconds (process PID) and the turns that they were for.
"""

import json
import selectors
import socket
import sys
import time
from collections.abc import Sequence

from attrs import define, field

from tooling.benchmarks.bystander.frames import TEXT, message, received, start
from tooling.benchmarks.bystander.watcher import connect
from tooling.benchmarks.children import cpu_seconds
from tooling.benchmarks.scripted.server import KEY
from tooling.usage import answer_help

PATIENCE_S = 120.0
READ_BYTES = 65536
WARM_TURNS = 2
"""Of each session before anything is measured."""


@define(eq=False)
class Talker:
    """One session; `done`: turns that ended."""

    stream: socket.socket
    done: int = 0
    buffer: bytearray = field(factory=bytearray)

    def speak(self) -> None:
        """Say the next thing; the sanitizer stays on, as it is in production."""
        if self.done:
            frame = message("message", f"r{self.done}", {"user_utterance": "and then?"})
        else:
            frame = message("start", "r0", start(sampling={}))
        self.stream.sendall(frame)

    def read(self) -> bool:
        """Take what is there; whether a turn ended."""
        data = self.stream.recv(READ_BYTES)
        if not data:
            raise SystemExit("the server ended a connection")
        self.buffer += data
        ended = False
        for opcode, payload in received(self.buffer):
            if opcode == TEXT and payload.startswith((b'{"type":"error"', b'{"type":"cancelled"')):
                raise SystemExit(f"a turn failed: {payload[:200]!r}")
            ended = ended or (opcode == TEXT and payload.startswith(b'{"type":"done"'))
        self.done += ended
        return ended


def talk(port: int, pid: int, sessions: int, turns: int) -> tuple[float, int]:
    """CPU seconds of the server over so many turns of each session, and how many turns that were."""
    talkers = [Talker(connect(port, KEY)) for _ in range(sessions)]
    with selectors.DefaultSelector() as waiting:
        for talker in talkers:
            waiting.register(talker.stream, selectors.EVENT_READ, talker)
        _until(waiting, talkers, WARM_TURNS)
        before = cpu_seconds(pid)
        _until(waiting, talkers, WARM_TURNS + turns)
        spent = cpu_seconds(pid) - before
    for talker in talkers:
        talker.stream.close()
    return spent, sessions * turns


def _until(waiting: selectors.BaseSelector, talkers: Sequence[Talker], turns: int) -> None:
    """Talk until every session has had so many turns."""
    for talker in talkers:
        talker.speak()
    left = len(talkers)
    deadline = time.monotonic() + PATIENCE_S
    while left:
        if time.monotonic() > deadline:
            raise SystemExit(f"{left} sessions are not through after {PATIENCE_S:g} s")
        for key, _ in waiting.select(1.0):
            talker = key.data
            if talker.read():
                if talker.done < turns:
                    talker.speak()
                else:
                    left -= 1


def main(argv: Sequence[str]) -> int:
    """Talk; what it cost, as JSON."""
    port, pid, sessions, turns = map(int, argv)
    print(json.dumps(talk(port, pid, sessions, turns)))
    return 0


if __name__ == "__main__":
    answer_help(__doc__, sys.argv[1:])
    sys.exit(main(sys.argv[1:]))
