"""`python -m tooling.benchmarks.memory`: what idle connections take, and whether a crowd leaves anything behind.

A server process with a scripted engine, a fresh one each round. First connections that only shake hands and stay
silent; then each of them starts a turn and stops it, so that a session is bound to it. With those gone, the last
round's server sees 10^5 connections come and go, every tenth in the middle of a turn. Read are resident memory and
descriptors of the server.
"""

import argparse
import os
import resource
import socket
import struct
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from attrs import field, frozen
from tqdm import tqdm

from tooling.benchmarks.bystander.frames import message, start
from tooling.benchmarks.bystander.watcher import connect
from tooling.benchmarks.figures import Figure, Spread, arguments, told
from tooling.benchmarks.scripted.server import KEY, MODULE, scripted
from tooling.benchmarks.serving import shape

SPARE = 64
WARM_UP = 200
QUARTERS = 4
TURN_EACH = 10
PATIENCE_S = 30.0
SETTLE_S = 1.0
KIBIBYTE = 1024
IDLE_KIB, FLAT_KIB = 30.0, 2048.0
"""An idle connection; all the churn after its first quarter, in which caches fill."""
RESETS = struct.pack("ii", 1, 0)
"""SO_LINGER: closing resets, so that no port stays taken for a minute after each of so many connections."""


@frozen
class State:
    """The server's process at one moment. `memory`: resident, KiB."""

    when: str
    memory: float
    descriptors: int

    @classmethod
    def of(cls, when: str, pid: int) -> "State":
        """Now."""
        at = Path(f"/proc/{pid}")
        pages = int((at / "statm").read_text(encoding="ascii").split()[1])
        return cls(when, pages * os.sysconf("SC_PAGE_SIZE") / KIBIBYTE, len(os.listdir(at / "fd")))


@frozen
class Round:
    """The states of one server in their order; `idle`: how many connections sat there."""

    idle: int
    states: Sequence[State] = field(repr=False)

    @property
    def idle_kib(self) -> float:
        """An idle connection's memory."""
        return (self.states[1].memory - self.states[0].memory) / self.idle

    @property
    def bound_kib(self) -> float:
        """What a session adds to it."""
        return (self.states[2].memory - self.states[1].memory) / self.idle

    @property
    def grown_kib(self) -> float:
        """What the churn added after its first quarter."""
        return self.states[-1].memory - self.states[-QUARTERS].memory

    @property
    def kept(self) -> int:
        """Descriptors that stayed open."""
        return self.states[-1].descriptors - self.states[0].descriptors


def bind(stream: socket.socket, *, stops: bool) -> None:
    """Start a turn on a connection; with `stops`, end it."""
    stream.setblocking(True)
    wanted = b'"type":"ack"'
    stream.sendall(message("start", "r", start()))
    if stops:
        wanted = b'"type":"cancelled"'
        stream.sendall(message("cancel", "r", {}))
    heard = b""
    while wanted not in heard:
        data = stream.recv(65536)
        if not data:
            raise SystemExit(f"the server ended a connection: {heard!r}")
        heard += data


def come_and_go(port: int, count: int, bar: Callable[[], object]) -> None:
    """So many connections, one after the other."""
    for number in range(count):
        stream = connect(port, KEY)
        if number % TURN_EACH == 0:
            bind(stream, stops=False)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESETS)
        stream.close()
        bar()


def settled(pid: int, descriptors: int) -> None:
    """Return when the server has no more descriptors than that, or does not let go of them."""

    pause, end = threading.Event(), time.monotonic() + PATIENCE_S
    while len(os.listdir(f"/proc/{pid}/fd")) > descriptors and time.monotonic() < end:
        pause.wait(0.1)
    pause.wait(SETTLE_S)


def measure(port: int, pid: int, idle: int, churn: int) -> Round:
    """One server's states. `churn` 0: without it."""
    with tqdm(total=WARM_UP + 2 * idle + churn, disable=None, leave=False) as bar:
        quiet = State.of("", pid).descriptors
        come_and_go(port, WARM_UP, bar.update)
        settled(pid, quiet)
        states = [State.of("before", pid)]
        streams = []
        for _ in range(idle):
            streams.append(connect(port, KEY))
            bar.update()
        settled(pid, states[0].descriptors + idle)
        states.append(State.of(f"{idle} idle", pid))
        for stream in streams:
            bind(stream, stops=True)
            bar.update()
        states.append(State.of("a session bound to each", pid))
        for stream in streams:
            stream.close()
        settled(pid, states[0].descriptors)
        states.append(State.of("all gone", pid))
        for number in range(1, QUARTERS + 1 if churn else 1):
            come_and_go(port, churn // QUARTERS, bar.update)
            settled(pid, states[0].descriptors)
            states.append(State.of(f"{number * churn // QUARTERS} came and went", pid))
    return Round(idle, states)


def rows(rounds: Sequence[Round]) -> Iterator[dict[str, object]]:
    """Every state."""
    for number, one in enumerate(rounds, 1):
        for state in one.states:
            memory = round(state.memory / KIBIBYTE, 1)
            yield {"round": number, "when": state.when, "MiB": memory, "descriptors": state.descriptors}


def figures(rounds: Sequence[Round], churn: int) -> Iterator[Figure]:
    """What connections may take."""
    yield Figure("a bound session more", Spread.of(one.bound_kib for one in rounds), "KiB")
    if churn:
        last = rounds[-1]
        yield Figure("descriptors left behind", Spread.of([last.kept]), "", at_most=0)
        yield Figure(
            f"grown in the last three quarters of {churn}", Spread.of([last.grown_kib]), "KiB", at_most=FLAT_KIB
        )
    yield Figure("an idle connection", Spread.of(one.idle_kib for one in rounds), "KiB", at_most=IDLE_KIB)


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the benchmark; the exit status."""
    options = _grammar().parse_args(argv)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # which the server inherits
    rounds = []
    with tempfile.TemporaryDirectory(prefix="memory-") as scratch:
        shape.write("tiny", Path(scratch))
        for number in range(options.rounds):
            server = [f"-m{MODULE}", "20", "100"]
            with scripted(server, Path(scratch), environ, options.idle + SPARE) as (port, pid):
                churn = options.churn if number == options.rounds - 1 else 0
                rounds.append(measure(port, pid, options.idle, churn))
    return told(options, list(rows(rounds)), list(figures(rounds, options.churn)), print)


def _grammar() -> argparse.ArgumentParser:
    parser = arguments("memory", __doc__)
    parser.add_argument("--idle", type=int, default=5000, metavar="N", help="connections that stay (default 5000)")
    parser.add_argument("--churn", type=int, default=100_000, metavar="N", help="that come and go (default 100000)")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))  # noqa: TID251 - an entry module
