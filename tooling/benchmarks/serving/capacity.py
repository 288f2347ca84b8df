"""`python -m tooling.benchmarks.serving.capacity`: how many sessions our server bears within a voice client's bounds.

One server, one load after the other: the number of sessions doubles from the smallest on until a load breaks a bound,
then the gap between the last good and the first bad number is halved. Every turn is followed by the next one at once,
and a share of them is interrupted: a caller who never thinks is the hardest one there is.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence

import trio

from tooling.benchmarks.serving import contenders, over_websocket
from tooling.benchmarks.serving.processes import free_port, running
from tooling.benchmarks.serving.workload import Job, row

Row = Mapping[str, float | int | str | None]


def search(measure: Callable[[int], bool], smallest: int, largest: int, step: int) -> int:
    """The largest number in steps of `step` for which `measure` holds, as far as it is monotonous; 0 if none does."""
    good, bad, count = 0, None, smallest
    while True:
        if measure(count):
            good = count
        else:
            bad = count
        count = min(2 * good, largest) if bad is None else (good + bad) // 2 // step * step
        if count <= good:
            return good


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Find the largest number of sessions, print every load that was tried."""
    options = _grammar().parse_args(argv)
    port = free_port()
    child = {**environ, **contenders.our_settings(options, port, options.largest + 8)}
    rows: list[Row] = []
    with running(contenders.our_program(options), child, f"http://127.0.0.1:{port}/readyz") as pid:

        def load(sessions: int) -> Row:
            job = Job(
                model=options.model, sessions=sessions, max_out=options.max_out, barge_in=options.barge_in, rounds=2
            )
            return row(trio.run(over_websocket.converse, job, port, contenders.KEY, pid, "ours"))

        def holds(sessions: int) -> bool:
            found = load(sessions)
            fine = _within(found, options)
            rows.append({**found, "within": "yes" if fine else "no"})
            print(_line(rows[-1]), file=sys.stderr, flush=True)
            return fine

        load(options.largest)  # the first load of a size compiles kernels
        best = search(holds, options.smallest, options.largest, options.step)
    print(json.dumps({"sessions": best, "loads": rows}, indent=1) if options.json else "\n".join(_table(rows)))
    print(
        f"{best} sessions keep TTFT p99 within {options.ttft_ms} ms and ITL p99 within {options.itl_ms} ms, "
        f"{options.barge_in:.0%} of the turns interrupted",
        file=sys.stderr,
    )
    return 0 if best else 1


def _grammar() -> argparse.ArgumentParser:
    parser = contenders.grammar("python -m tooling.benchmarks.serving.capacity", main.__doc__ or "")
    parser.add_argument("--ttft-ms", type=float, default=150.0, help="bound on the 99th percentile of TTFT")
    parser.add_argument("--itl-ms", type=float, default=30.0, help="bound on the 99th percentile of ITL")
    parser.add_argument("--barge-in", type=float, default=0.25, help="share of interrupted turns")
    parser.add_argument("--smallest", type=int, default=16)
    parser.add_argument("--largest", type=int, default=128)
    parser.add_argument("--step", type=int, default=8, help="how exactly the number is found")
    return parser


def _within(found: Row, options: argparse.Namespace) -> bool:
    ttft, itl = found["ttft_p99_ms"], found["itl_p99_ms"]
    assert isinstance(ttft, float)
    assert isinstance(itl, float)
    return not found["errors"] and ttft <= options.ttft_ms and itl <= options.itl_ms


def _line(found: Row) -> str:
    return "  ".join(f"{name} {value}" for name, value in found.items())


def _table(rows: Sequence[Row]) -> list[str]:
    columns = ("sessions", "ttft_p50_ms", "ttft_p99_ms", "itl_p50_ms", "itl_p99_ms", "tokens_per_s", "within")
    lines = [f"| {' | '.join(columns)} |", "| --- " * len(columns) + "|"]
    ordered = sorted(rows, key=lambda each: int(each["sessions"] or 0))
    return lines + [f"| {' | '.join(str(each[column]) for column in columns)} |" for each in ordered]


__all__ = ["search"]

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))  # noqa: TID251 - an entry module
