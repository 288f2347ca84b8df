"""`python -m tooling.benchmarks.every`: each benchmark that needs no GPU, one after the other, one table of figures.

What a benchmark says while it runs goes to stderr. Status 1 if a figure is missed or a benchmark fails.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from tooling import usage
from tooling.benchmarks.children import end_on_sigterm
from tooling.benchmarks.figures import table

BENCHMARKS = ("fanout", "engine_client", "stack", "bargein", "memory", "start", "telemetry")


def measured(name: str) -> list[dict[str, Any]]:
    """The figures of one benchmark; one that is missed if it fails."""
    print(f"== {name}", file=sys.stderr, flush=True)
    argv = [sys.executable, "-m", f"tooling.benchmarks.{name}", "--json"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as running:
        try:
            said, _ = running.communicate()
        except BaseException:
            running.terminate()  # it ends the servers that it started
            raise
    told = [json.loads(line) for line in said.splitlines() if line.startswith('{"figure"')]
    if running.returncode or not told:
        told.append({"figure": f"it ended with status {running.returncode}", "target": "status 0", "met": False})
    return [{"benchmark": name, **figure} for figure in told]


def rows(told: Sequence[dict[str, Any]]) -> Iterator[dict[str, object]]:
    """The table: median, and from the least to the most of the rounds."""
    for figure in told:
        spread = "{median:.3g} ({least:.3g} to {most:.3g}) {unit}".format(**figure) if "median" in figure else ""
        verdict = ("met" if figure["met"] else "MISSED") if figure["target"] else ""
        yield {
            "benchmark": figure["benchmark"],
            "figure": figure["figure"],
            "median (least to most)": spread,
            "to reach": figure["target"],
            "": verdict,
        }


def main(argv: Sequence[str]) -> int:
    """Run them; the exit status."""
    parser = usage.parser("just bench-all", __doc__)
    parser.add_argument("benchmarks", nargs="*", metavar="NAME", help=f"some of: {', '.join(BENCHMARKS)}")
    parser.add_argument("--json", action="store_true", help="one JSON object a figure")
    options = parser.parse_args(argv)
    end_on_sigterm()
    unknown = set(options.benchmarks) - set(BENCHMARKS)
    if unknown:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    told = [figure for name in options.benchmarks or BENCHMARKS for figure in measured(name)]
    print("\n".join(map(json.dumps, told) if options.json else table(list(rows(told)))))
    return int(not all(figure["met"] for figure in told))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
