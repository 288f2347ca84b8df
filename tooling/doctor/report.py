"""The diagnosis as a table, and as JSON."""

import json
from collections.abc import Iterator, Mapping, Sequence

from tooling.doctor.finding import Finding, Status

COLOURS = {Status.OK: "\x1b[32m", Status.WARN: "\x1b[33m", Status.FAIL: "\x1b[31m"}
PLAIN, BOLD = "\x1b[0m", "\x1b[1m"
Findings = Mapping[str, Sequence[Finding]]


def table(findings: Findings, *, colours: bool) -> str:
    """A line for each finding, its remedy beneath it, and the sum."""
    return "\n".join([*_lines(findings, colours=colours), "", summary(findings)])


def summary(findings: Findings) -> str:
    """How many of each."""
    counts = dict.fromkeys(Status, 0)
    for finding in _all(findings):
        counts[finding.status] += 1
    return f"{counts[Status.OK]} ok, {counts[Status.WARN]} to look at, {counts[Status.FAIL]} failed"


def as_json(engine: str | None, findings: Findings) -> str:
    """One JSON document."""
    checks = [
        {"group": group, "name": each.name, "status": each.status.value, "line": each.line, "remedy": each.remedy}
        for group, members in findings.items()
        for each in members
    ]
    return json.dumps({"engine": engine, "failed": failed(findings), "checks": checks}, indent=1)


def failed(findings: Findings) -> bool:
    """Whether anything would keep a server from running."""
    return any(finding.status is Status.FAIL for finding in _all(findings))


def _lines(findings: Findings, *, colours: bool) -> Iterator[str]:
    width = max((len(finding.name) for finding in _all(findings)), default=0)
    for group, members in findings.items():
        if members:
            yield f"{BOLD}{group}{PLAIN}" if colours else group
        for finding in members:
            status = f"{finding.status.value:<4}"
            shown = f"{COLOURS[finding.status]}{status}{PLAIN}" if colours else status
            yield f"  {shown}  {finding.name:<{width}}  {_printable(finding.line)}"
            if finding.remedy:
                yield f"  {'':<4}  {'':<{width}}  -> {_printable(finding.remedy)}"


def _printable(text: str) -> str:
    """On one line; names, paths and errors come from elsewhere."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def _all(findings: Findings) -> Iterator[Finding]:
    return (finding for members in findings.values() for finding in members)


__all__ = ["as_json", "failed", "summary", "table"]
