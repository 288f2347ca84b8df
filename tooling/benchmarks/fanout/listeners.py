"""`python -m tooling.benchmarks.fanout.listeners PORT PID SESSIONS SECONDS CLEANED HELD SETTLE`: many clients.

Plain sockets and one selector; while it is measured it only notes what came when, so that it is no bottleneck. Prints
what it saw as JSON. PID: the server's, whose CPU time is taken. CLEANED: 1 asks for the sanitizer. HELD: tokens by
which the server's text is late because the sanitizer waits for the end of a word. SETTLE: seconds before the window.
"""

import json
import selectors
import socket
import sys
import time
from collections.abc import Iterator, Sequence

from attrs import asdict, define, field, frozen

from tooling.benchmarks.bystander.frames import TEXT, message, received, start
from tooling.benchmarks.bystander.watcher import connect
from tooling.benchmarks.children import cpu_seconds
from tooling.benchmarks.scripted.server import KEY
from tooling.benchmarks.scripted.stamps import WRAPS, moments
from tooling.clients.output.percentiles import percentile
from tooling.usage import answer_help

PATIENCE_S = 30.0
READ_BYTES = 65536


@frozen(kw_only=True)
class Seen:
    """What a window was like. Microseconds of CPU a token: the server's, and of all clients together; milliseconds
    from step to client.
    """

    sessions: int
    tokens: int
    tokens_per_s: float
    us_per_token: float
    client_us_per_token: float
    p50_ms: float
    p99_ms: float


@define(eq=False)
class Listener:
    """One client: what came, and when, in microseconds of the stamps' clock."""

    stream: socket.socket
    came: list[tuple[int, bytes]] = field(factory=list)

    def read(self) -> None:
        """Note what is there."""
        data = self.stream.recv(READ_BYTES)
        if not data:
            raise SystemExit("the server ended a connection")
        self.came.append((time.monotonic_ns() // 1000, data))

    @property
    def streams(self) -> bool:
        """Whether a token has come."""
        return b'"token"' in self.came[-1][1] if self.came else False

    def tokens(self, begin: int, end: int) -> Iterator[tuple[int, list[int]]]:
        """When a frame came within the window, and the moments of its tokens."""
        buffer = bytearray()
        for at, data in self.came:
            buffer += data
            for opcode, payload in received(buffer):
                if opcode == TEXT and begin <= at < end and payload.startswith(b'{"type":"token"'):
                    yield at, moments(json.loads(payload)["payload"]["text"])


def listen(port: int, pid: int, sessions: int, seconds: float, *, cleaned: bool, held: int, settle: float) -> Seen:
    """Connect, ask everybody's turn, wait until all stream, then watch for so long."""
    listeners = [Listener(connect(port, KEY)) for _ in range(sessions)]
    with selectors.DefaultSelector() as waiting:
        for number, listener in enumerate(listeners):
            waiting.register(listener.stream, selectors.EVENT_READ, listener)
            listener.stream.sendall(message("start", f"r{number}", start(sampling={"sanitize_output": cleaned})))
        silent = set(listeners)
        deadline = time.monotonic() + PATIENCE_S
        while silent:
            if time.monotonic() > deadline:
                raise SystemExit(f"{len(silent)} of {sessions} sessions have no token: {next(iter(silent)).came[-1:]}")
            silent -= {listener for listener in _read(waiting, deadline) if listener.streams}
        _watch(waiting, settle)
        before, own, begin = cpu_seconds(pid), time.process_time(), time.monotonic_ns() // 1000
        _watch(waiting, seconds)
        after, mine, end = cpu_seconds(pid), time.process_time(), time.monotonic_ns() // 1000
    count, late = delays(listeners, begin, end, held)
    for listener in listeners:
        listener.stream.close()
    return Seen(
        sessions=sessions,
        tokens=count,
        tokens_per_s=count / (end - begin) * 1e6,
        us_per_token=(after - before) / count * 1e6,
        client_us_per_token=(mine - own) / count * 1e6,
        p50_ms=percentile(late, 0.5),
        p99_ms=percentile(late, 0.99),
    )


def _watch(waiting: selectors.BaseSelector, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        _read(waiting, end)


def _read(waiting: selectors.BaseSelector, until: float) -> list[Listener]:
    ready = [key.data for key, _ in waiting.select(max(0.0, until - time.monotonic()))]
    for listener in ready:
        listener.read()
    return ready


def delays(listeners: Sequence[Listener], begin: int, end: int, held: int) -> tuple[int, list[float]]:
    """Tokens that came in the window, and how long after the step that let them go each came, in ms, sorted."""
    came = [pair for listener in listeners for pair in listener.tokens(begin, end)]
    steps = sorted({moment for _, stamped in came for moment in stamped})
    let_go = dict(zip(steps, steps[held:], strict=False))
    found = [(at - let_go[each]) % WRAPS / 1000 for at, stamped in came for each in stamped if each in let_go]
    return sum(len(stamped) for _, stamped in came), sorted(found)


def main(argv: Sequence[str]) -> int:
    """Listen; what was seen as JSON."""
    port, pid, sessions, seconds, cleaned, held, settle = argv
    seen = listen(
        int(port),
        int(pid),
        int(sessions),
        float(seconds),
        cleaned=cleaned == "1",
        held=int(held),
        settle=float(settle),
    )
    print(json.dumps(asdict(seen)))
    return 0


__all__ = ["Listener", "Seen", "delays"]

if __name__ == "__main__":
    answer_help(__doc__, sys.argv[1:])
    sys.exit(main(sys.argv[1:]))
