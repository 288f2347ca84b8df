"""`python -m tooling.benchmarks.bystander.watcher PORT KEY SECONDS`: a bystander, and how long its pongs took.

Two sessions send JSON pings on a fixed schedule, whether earlier ones were answered or not (so a stall is seen by every
ping that falls into it), a third streams replies. One plain loop over the sockets, so that its own share in the delays
is small; how late it woke up to send is told as well, which is what the machine alone does to it.

Says `ready` on stdout when it is connected, and begins when a line comes on stdin.
"""

import contextlib
import json
import selectors
import socket
import sys
import time
from collections.abc import Callable, Sequence

from attrs import asdict, define, field

from tooling.benchmarks.bystander.frames import TEXT, message, received, start, upgrade
from tooling.usage import answer_help

PING_SESSIONS = 2
INTERVAL_S = 0.01
CONNECT_S = 5.0
PATIENCE_S = 5.0
"""How long the last pongs may take; pings unanswered by then are lost."""


@define
class Seen:
    """Samples in milliseconds.

    `lost`: pings without a pong. `broken`: sessions that the server ended. `errors`: replies that ended with one.
    """

    pongs: list[float] = field(factory=list)
    late: list[float] = field(factory=list)
    token_gaps: list[float] = field(factory=list)
    lost: int = 0
    broken: int = 0
    errors: int = 0


@define(eq=False)
class Session:
    """A connection of the bystander, open."""

    stream: socket.socket
    buffer: bytearray = field(factory=bytearray)
    open: bool = True

    def frames(self) -> list[dict[str, object]]:
        """Protocol frames that have arrived."""
        try:
            data = self.stream.recv(65536)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        self.open = bool(data)
        self.buffer += data
        return [json.loads(payload) for opcode, payload in received(self.buffer) if opcode == TEXT]

    def say(self, data: bytes) -> None:
        """Send a small frame."""
        if self.open:
            try:
                self.stream.sendall(data)
            except OSError:
                self.open = False


@define(eq=False)
class Pinger(Session):
    """Sends pings, times pongs."""

    asked: dict[str, float] = field(factory=dict)
    number: int = 0

    def ping(self, now: float) -> None:
        """Ask."""
        self.number += 1
        self.asked[str(self.number)] = now
        self.say(message("ping", str(self.number), {}))

    def take(self, seen: Seen) -> None:
        """Note pongs."""
        frames, now = self.frames(), time.perf_counter()
        for each in frames:
            if each["type"] == "pong" and (asked := self.asked.pop(str(each["request_id"]), None)) is not None:
                seen.pongs.append((now - asked) * 1000)


@define(eq=False)
class Listener(Session):
    """Streams one reply after the other, times the gaps between tokens of one reply."""

    turn: int = 0
    last: float | None = None

    def ask(self) -> None:
        """The next turn."""
        self.turn += 1
        self.last = None
        kind = "start" if self.turn == 1 else "message"
        self.say(message(kind, f"t-{self.turn}", start() if self.turn == 1 else {"user_utterance": "and then?"}))

    def take(self, seen: Seen) -> None:
        """Note tokens; go on when a reply is over."""
        frames, now = self.frames(), time.perf_counter()
        for each in frames:
            if each["type"] == "token":
                if self.last is not None:
                    seen.token_gaps.append((now - self.last) * 1000)
                self.last = now
            elif each["type"] == "done":
                self.ask()
            elif each["type"] == "error":
                seen.errors += 1


def connect(port: int, key: str) -> socket.socket:
    """A socket behind a finished handshake. Raises `OSError`."""
    stream = socket.create_connection(("127.0.0.1", port), timeout=CONNECT_S)
    try:
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream.sendall(upgrade(key))
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            part = stream.recv(1)
            if not part:
                raise ConnectionError(f"no handshake: {answer[:80]!r}")
            answer += part
        if not answer.startswith(b"HTTP/1.1 101 "):
            raise ConnectionError(f"no handshake: {answer[:80]!r}")
    except OSError:
        stream.close()
        raise
    stream.setblocking(False)
    return stream


def watch(port: int, key: str, seconds: float, begin: Callable[[], object] = lambda: None) -> Seen:
    """Connect, `begin`, then ping and listen for so long. Raises `OSError` if there is no connection to be had."""
    seen = Seen()
    with contextlib.ExitStack() as stack:
        pingers = [Pinger(stack.enter_context(connect(port, key))) for _ in range(PING_SESSIONS)]
        listener = Listener(stack.enter_context(connect(port, key)))
        sessions: list[Pinger | Listener] = [*pingers, listener]
        begin()
        waiting = stack.enter_context(selectors.DefaultSelector())
        for session in sessions:
            waiting.register(session.stream, selectors.EVENT_READ, session)
        listener.ask()
        _watch(waiting, pingers, seen, seconds)
        seen.lost = sum(len(each.asked) for each in pingers)
        seen.broken = sum(not each.open for each in sessions)
    return seen


def _watch(waiting: selectors.BaseSelector, pingers: Sequence[Pinger], seen: Seen, seconds: float) -> None:
    begun = due = time.perf_counter()
    while (now := time.perf_counter()) < begun + seconds + PATIENCE_S:
        pinging = due < begun + seconds
        if pinging and now >= due:
            seen.late.append((now - due) * 1000)
            pingers[len(seen.late) % PING_SESSIONS].ping(now)
            due += INTERVAL_S / PING_SESSIONS
        if not pinging and not any(each.asked and each.open for each in pingers):
            break
        for ready, _ in waiting.select(max(0.0, due - time.perf_counter()) if pinging else 0.05):
            ready.data.take(seen)
            if not ready.data.open:
                waiting.unregister(ready.fileobj)


def _wait_for_a_line() -> None:
    print("ready", flush=True)
    sys.stdin.readline()


def main(argv: Sequence[str]) -> int:
    """Watch; the samples as JSON on stdout."""
    port, key, seconds = argv
    print(json.dumps(asdict(watch(int(port), key, float(seconds), _wait_for_a_line))))
    return 0


if __name__ == "__main__":
    answer_help(__doc__, sys.argv[1:])
    sys.exit(main(sys.argv[1:]))
