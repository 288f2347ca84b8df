"""`python -m tooling.benchmarks.bystander`: how long others wait for a pong while somebody attacks the server.

A server process, a bystander process and an attacking process; every attack in every round, an idle look among them.
With `--before DIR` a second server runs the code of another checkout, and both are attacked by turns.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import define, field
from tqdm import tqdm

from tooling import usage
from tooling.benchmarks.bystander.attacks import ATTACKS, IDLE
from tooling.benchmarks.bystander.servers import KEY, Server
from tooling.benchmarks.bystander.table import table
from tooling.benchmarks.serving import shape
from tooling.clients.output.percentiles import percentile

BOUND_MS = 10.0
ROOT = Path(__file__).resolve().parents[3]
IDLE_S = 1.0
"""Of an idle look, one before each attack."""
PACKAGE = "tooling.benchmarks.bystander"


@define
class Row:
    """What was seen of one attack on one server. Samples in milliseconds; a list of pongs a round.

    `wedged`: rounds after which the server did not recover and was started anew. `grown_mb`, `logged_kb`: the worst
    round's memory and log. The rest as `watcher.Seen` and `peer.Tally` have it.
    """

    attack: str
    side: str
    pongs: list[list[float]] = field(factory=list)
    late: list[float] = field(factory=list)
    token_gaps: list[float] = field(factory=list)
    lost: int = 0
    broken: int = 0
    errors: int = 0
    wedged: int = 0
    grown_mb: float = 0.0
    logged_kb: float = 0.0
    tally: dict[str, int] = field(factory=dict)

    def add(self, seen: Mapping[str, Any], tally: Mapping[str, int], grown_mb: float, logged_kb: float) -> None:
        """One round."""
        self.pongs.append(seen["pongs"])
        self.late += seen["late"]
        self.token_gaps += seen["token_gaps"]
        self.lost += seen["lost"]
        self.broken += seen["broken"]
        self.errors += seen["errors"]
        self.grown_mb = max(self.grown_mb, grown_mb)
        self.logged_kb = max(self.logged_kb, logged_kb)
        for name, count in tally.items():
            self.tally[name] = self.tally.get(name, 0) + count

    def figures(self) -> dict[str, Any]:
        """What is told of it."""
        by_round = [_at(sorted(each), 0.99) for each in self.pongs if each]
        pongs = sorted(sample for each in self.pongs for sample in each)
        return {
            "attack": self.attack,
            "side": self.side,
            "n": len(pongs),
            "p50_ms": _at(pongs, 0.5),
            "p99_ms": _at(pongs, 0.99),
            "p99_by_round_ms": [min(by_round, default=0.0), max(by_round, default=0.0)],
            "max_ms": _at(pongs, 1.0),
            "late_p99_ms": _at(sorted(self.late), 0.99),
            "token_gap_p99_ms": _at(sorted(self.token_gaps), 0.99),
            "lost": self.lost,
            "broken": self.broken,
            "errors": self.errors,
            "wedged": self.wedged,
            "grown_mb": round(self.grown_mb, 1),
            "logged_kb": round(self.logged_kb, 1),
            **self.tally,
        }


def _at(ordered: Sequence[float], q: float) -> float:
    return round(percentile(ordered, q), 2) if ordered else 0.0


def _round(server: Server, name: str, row: Row, seconds: float, environ: Mapping[str, str]) -> None:
    """One attack on one server, once."""
    server.ready()
    memory, logged = server.memory_mb(), server.log_bytes()
    port = str(server.port)
    with _process("watcher", port, KEY, str(seconds), environ=environ) as watcher:
        _told(watcher)
        with _process("attacker", name, port, KEY, environ=environ) as attacker:
            _told(attacker)
            assert watcher.stdin is not None
            watcher.stdin.write(b"go\n")
            watcher.stdin.flush()
            peak, told = memory, None
            while told is None:
                peak = max(peak, server.memory_mb())
                with contextlib.suppress(subprocess.TimeoutExpired):
                    told = watcher.communicate(timeout=0.05)[0]
            tally = json.loads(attacker.communicate()[0])  # which ends its stdin
    seen = json.loads(told)
    row.add(seen, tally, peak - memory, (server.log_bytes() - logged) / 1024)
    row.wedged += not server.recovers()


def _told(process: subprocess.Popen[bytes]) -> None:
    """Return when it has said that it is ready."""
    assert process.stdout is not None
    process.stdout.readline()


def _process(module: str, *arguments: str, environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """A module of this package as a process, in a session of its own: Linux divides the cores between sessions."""
    return subprocess.Popen(
        [sys.executable, "-m", f"{PACKAGE}.{module}", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env=dict(environ),
        start_new_session=True,
    )


def measure(options: argparse.Namespace, model: Path, environ: Mapping[str, str]) -> Iterator[Row]:
    """Every attack on every server, `options.rounds` times by turns; the rows as they are done, the idle ones last."""
    sides = {"now": ROOT} if options.before is None else {"before": options.before.resolve(), "now": ROOT}
    servers = {
        (side, compressed): Server(root, model, environ, {"WS_COMPRESSION": str(int(compressed))})
        for side, root in sides.items()
        for compressed in sorted({ATTACKS[name].compressed for name in options.attacks})
    }
    idle = {side: Row(IDLE, side) for side in sides}
    try:
        for name in tqdm([name for name in options.attacks if name != IDLE], disable=None):
            compressed = ATTACKS[name].compressed
            rows = {side: Row(name, side) for side in sides}
            for side in sides:
                _round(servers[side, compressed], IDLE, idle[side], IDLE_S, environ)
            for _ in range(options.rounds):
                for side, row in rows.items():
                    _round(servers[side, compressed], name, row, options.seconds, environ)
            yield from rows.values()
        yield from idle.values()
    finally:
        for server in servers.values():
            server.stop()


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Measure and print; the exit status: 1 with `--check` if an attack delays the bystander's pongs too much."""
    parser = usage.parser(f"python -m {PACKAGE}", __doc__)
    parser.add_argument("--attacks", nargs="+", choices=list(ATTACKS), default=list(ATTACKS), metavar="NAME")
    parser.add_argument("--list", action="store_true", help="print the names of the attacks and end")
    parser.add_argument("--rounds", type=int, default=3, help="how often each (default 3)")
    parser.add_argument("--seconds", type=float, default=2.0, help="of each attack in a round (default 2)")
    parser.add_argument("--before", type=Path, metavar="DIR", help="another checkout of the project, attacked as well")
    parser.add_argument("--json", action="store_true", help="one JSON object a row on stdout, as soon as it is done")
    parser.add_argument("--table", type=Path, nargs="+", metavar="FILE", help="print the table of such rows, and end")
    parser.add_argument("--check", action="store_true", help=f"status 1 if a p99 of ours is over {BOUND_MS:g} ms")
    options = parser.parse_args(argv)
    if options.list:
        print("\n".join(ATTACKS))
        return 0
    figures = _read(options.table) if options.table else _measured(options, environ)
    if not options.json:
        print(table(figures))
    slow = [row["attack"] for row in figures if row["side"] == "now" and _over(row)]
    if slow:
        print(f"over {BOUND_MS:g} ms p99, or with pings lost: {', '.join(map(str, slow))}", file=sys.stderr)
    return 1 if options.check and slow else 0


def _measured(options: argparse.Namespace, environ: Mapping[str, str]) -> list[dict[str, Any]]:
    figures = []
    with tempfile.TemporaryDirectory(prefix="bystander-") as scratch:
        shape.write("8b", Path(scratch))
        for row in measure(options, Path(scratch), environ):
            figures.append(row.figures())
            if options.json:
                print(json.dumps(figures[-1]), flush=True)
    return figures


def _read(files: Sequence[Path]) -> list[dict[str, Any]]:
    return [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]


def _over(row: Mapping[str, Any]) -> bool:
    return bool(row["p99_ms"] > BOUND_MS or row["lost"] or row["broken"] or row["wedged"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))  # noqa: TID251 - an entry module
