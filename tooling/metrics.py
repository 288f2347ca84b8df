"""Writes docs/metrics.md from the catalogue of instruments."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from runtime.telemetry.catalogue import CATALOGUE
from runtime.telemetry.instruments import Instrument, Kind
from runtime.telemetry.prometheus import name_of
from tooling import usage

PAGE = Path(__file__).parents[1] / "docs" / "metrics.md"
TITLES = {Kind.HISTOGRAM: "Histograms", Kind.COUNTER: "Counters", Kind.GAUGE: "Gauges"}
HEAD = """# Metrics

Every instrument of the server. This page is written by `python -m tooling.metrics --docs` from the catalogue that
`/metrics` and the OpenTelemetry export are made of, and `just check` fails when it is stale. How to switch them on:
[telemetry](telemetry.md). Panels for them: [Grafana](grafana/README.md).

What the numbers mean when people interrupt:

- A turn is counted once in `requests_accepted_total` when it is acked and once in `requests_total` when it ends, as
  completed, cancelled or failed: the sums of both are equal when nothing runs.
- `ttft` and `token_latency` come from turns that brought tokens, however they ended; `request_latency` from completed
  ones only. How old a turn was when it was stopped stands apart (`aborted_after`).
- Every stop of work counts once in `aborts_total`: `client_cancel`, `client_end`, `barge_in`, `disconnect`,
  `slow_consumer`, `timeout`, `drain`, `internal` stop a turn; `speculation` (the router said yes) and `stop_string`
  (the reply was complete) stop a generation whose turn goes on. `cancellation_total` is the cancelled turns among them.
- Tokens are the engine's own count, stop tokens included, as clients see them in `usage`.
- `token_latency` holds every gap between two tokens as the engine delivers them; tokens of one step are 0 apart.
- `speech_underruns` counts turns in which a voice of 4.5 words a second that speaks each word as it is complete would
  have had to wait; `speech_silence` says for how long."""


def main(argv: Sequence[str]) -> int:
    """Run the command; the exit status."""
    parser = usage.parser("python -m tooling.metrics", __doc__, codes="0 done, 1 the page is stale (--check), 2 usage")
    way = parser.add_mutually_exclusive_group(required=True)
    way.add_argument("--docs", action="store_true", help="print docs/metrics.md")
    way.add_argument("--check", action="store_true", help="fail if docs/metrics.md is not what --docs prints")
    if parser.parse_args(argv).docs:
        print(page(), end="")
        return 0
    if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page():
        return 0
    print("docs/metrics.md is stale: python -m tooling.metrics --docs > docs/metrics.md", file=sys.stderr)
    return 1


def page() -> str:
    """The page, as Markdown."""
    return "\n\n".join([HEAD, *(_section(kind) for kind in TITLES), _buckets()]) + "\n"


def _section(kind: Kind) -> str:
    rows = "\n".join(_row(each) for each in CATALOGUE if each.kind is kind)
    head = "| metric | unit | attributes | on `/metrics` | description |\n| --- | --- | --- | --- | --- |"
    return f"## {TITLES[kind]}\n\n{head}\n{rows}"


def _row(instrument: Instrument) -> str:
    attributes = ", ".join(f"`{each}`" for each in instrument.attributes)
    name, shown = f"`{instrument.name}`", f"`{name_of(instrument)}`"
    return f"| {name} | {instrument.unit} | {attributes} | {shown} | {instrument.description} |"


def _buckets() -> str:
    return "## Buckets\n\nInclusive upper bounds; beyond the last one: `+Inf`.\n\n" + "\n".join(_bounds())


def _bounds() -> Iterator[str]:
    yield "| metrics | bounds |\n| --- | --- |"
    groups: dict[tuple[float, ...], list[str]] = {}
    for each in CATALOGUE:
        if each.buckets:
            groups.setdefault(each.buckets, []).append(f"`{each.name}`")
    for bounds, names in groups.items():
        yield f"| {', '.join(names)} | {', '.join(f'{bound:g}' for bound in bounds)} |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
