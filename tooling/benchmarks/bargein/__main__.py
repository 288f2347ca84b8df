"""`python -m tooling.benchmarks.bargein`: how soon a caller who talks into a reply stops the engine and is answered.

A server with a scripted engine (a token each 20 ms) whose sessions all stream; some of them are interrupted all the
time, and other sessions ask when it is quiet, for comparison. Measured in the server, from the read of the frame that
stops a turn: when the engine was told, and what it still made of that turn; at the clients: the time to the first token
of the turn that interrupted, beside that of a plain turn. A fresh server each round.
"""

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from attrs import field, frozen
from tqdm import tqdm

from tooling.benchmarks.bargein.callers import FirstTokens, call
from tooling.benchmarks.bargein.watched import Samples
from tooling.benchmarks.figures import Figure, Spread, arguments, ratios, told
from tooling.benchmarks.scripted.server import KEY, scripted
from tooling.benchmarks.serving import shape
from tooling.clients.output.percentiles import percentile

PACKAGE = "tooling.benchmarks.bargein"
STEP_MS, TOKENS = 20, 4000
QUIET = 32


@frozen
class Round:
    """What the server and the callers saw of one round."""

    server: Samples = field(repr=False)
    callers: FirstTokens = field(repr=False)

    def row(self, number: int) -> dict[str, object]:
        """Milliseconds."""
        return {
            "round": number,
            "stopped turns": len(self.server.told_ms),
            "engine told p50": f"{_at(self.server.told_ms, 0.5):.3f}",
            "p99": f"{_at(self.server.told_ms, 0.99):.3f}",
            "most tokens since": max(self.server.tokens),
            "first token, barge-in p50": _at(self.callers.into_a_reply, 0.5),
            "plain p50": _at(self.callers.after_quiet, 0.5),
            "barge-in p99": _at(self.callers.into_a_reply, 0.99),
            "plain p99": _at(self.callers.after_quiet, 0.99),
        }


def _at(samples: Sequence[float], q: float) -> float:
    return percentile(sorted(samples), q)


def measure(sessions: int, seconds: float, model: Path, environ: Mapping[str, str]) -> Round:
    """One round."""
    note = model / "samples.json"
    argv = ["-m", f"{PACKAGE}.watched", str(STEP_MS), str(TOKENS), str(note)]
    with scripted(argv, model, environ, sessions + QUIET) as (port, _):
        callers = call(port, KEY, sessions, QUIET, seconds)
    server = Samples(**json.loads(note.read_text(encoding="ascii")))
    return Round(server, callers)


def figures(rounds: Sequence[Round], sessions: int) -> Iterator[Figure]:
    """What stopping and starting have to reach."""
    told_ms = [each.server.told_ms for each in rounds]
    most = [float(max(each.server.tokens)) for each in rounds]
    name = f"frame read to engine told, {sessions} sessions"
    yield Figure(f"{name}, p50", Spread.of(_at(each, 0.5) for each in told_ms), "ms", at_most=0.1)
    yield Figure(f"{name}, p99", Spread.of(_at(each, 0.99) for each in told_ms), "ms", at_most=5.0)
    yield Figure("most tokens made after the frame was read", Spread.of(most), "tokens", at_most=1)
    into = [_at(each.callers.into_a_reply, 0.5) for each in rounds]
    after = [_at(each.callers.after_quiet, 0.5) for each in rounds]
    yield ratios("first token after a barge-in to a plain turn's, p50", into, after, at_most=1.05)


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the benchmark; the exit status."""
    parser = arguments("bargein", __doc__)
    parser.add_argument("--sessions", type=int, default=256, metavar="N", help="that stream (default 256)")
    parser.add_argument("--seconds", type=float, default=15.0, help="of each round (default 15)")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="bargein-") as scratch:
        shape.write("tiny", Path(scratch))
        rounds = [
            measure(options.sessions, options.seconds, Path(scratch), environ)
            for _ in tqdm(range(options.rounds), disable=None)
        ]
    rows = [one.row(number) for number, one in enumerate(rounds, 1)]
    return told(options, rows, list(figures(rounds, options.sessions)), print)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))  # noqa: TID251 - an entry module
