"""What was found, as a table and as JSON."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from attrs import frozen

from tooling.audit.accepted import Sorted
from tooling.audit.advisories import Advisory
from tooling.audit.materials import licence_names
from tooling.audit.packages import Package

HEAD = ("package", "version", "advisory", "fixed in", "environments")
BOLD, RED, PLAIN = "\x1b[1m", "\x1b[31m", "\x1b[0m"
SHOWN = 100


@frozen
class Outcome:
    """All that a run came to. `why_not`: in a sentence why advisories were not looked up, "" if they were."""

    environments: tuple[str, ...]
    packages: tuple[Package, ...]
    found: Sorted
    unanswered: Mapping[str, str]
    service: str
    why_not: str
    bill: Path | None


def table(outcome: Outcome, *, colours: bool) -> str:
    """A row for each advisory, what it is about beneath it, and the sum."""
    return "\n".join([*_rows(outcome, colours=colours), *_remarks(outcome), summary(outcome)])


def summary(outcome: Outcome) -> str:
    """The sum in a sentence; never one that sounds as if something had been looked up that was not."""
    about = f"{len(outcome.packages)} packages of {', '.join(outcome.environments)}"
    if outcome.bill:
        about = f"bill of materials in {outcome.bill}; {about}"
    if outcome.why_not:
        return f"{about}: advisories were NOT looked up ({outcome.why_not})"
    known = len({advisory.package for advisory in outcome.found.open})
    said = f"{known} with known advisories ({len(outcome.found.open)})" if known else "none with a known advisory"
    lacking = f", {len(outcome.unanswered)} NOT looked up" if outcome.unanswered else ""
    return f"{about}, by {outcome.service}: {said}{lacking}"


def as_json(outcome: Outcome) -> str:
    """One JSON document."""
    return json.dumps(
        {
            "environments": outcome.environments,
            "packages": len(outcome.packages),
            "looked_up": not outcome.why_not,
            "why_not": outcome.why_not or None,
            "service": outcome.service,
            "advisories": [_record(outcome, each) for each in outcome.found.open],
            "accepted": [_record(outcome, each) | {"reason": reason} for each, reason in outcome.found.accepted],
            "needless_exceptions": outcome.found.needless,
            "not_looked_up": dict(outcome.unanswered),
            "licences": licence_names(outcome.packages),
            "bill_of_materials": str(outcome.bill) if outcome.bill else None,
        },
        indent=1,
    )


def _rows(outcome: Outcome, *, colours: bool) -> Iterator[str]:
    if not outcome.found.open:
        return
    cells = [
        (each.package, each.version, each.name, " ".join(each.fixed_in) or "-", " ".join(_where(outcome, each)))
        for each in outcome.found.open
    ]
    shown = [tuple(map(_printable, row)) for row in cells]
    widths = [max(map(len, column)) for column in zip(HEAD, *shown, strict=True)]
    head = _row(HEAD, widths)
    yield f"{BOLD}{head}{PLAIN}" if colours else head
    for row, advisory in zip(shown, outcome.found.open, strict=True):
        yield f"{RED}{_row(row, widths)}{PLAIN}" if colours else _row(row, widths)
        others = f" ({', '.join(advisory.known_as)})" if advisory.known_as else ""
        yield f"  {_printable(advisory.summary)[:SHOWN]}{_printable(others)}"


def _remarks(outcome: Outcome) -> Iterator[str]:
    for advisory, reason in outcome.found.accepted:
        yield f"accepted: {advisory.package} {advisory.version} {_printable(advisory.name)}: {reason}"
    for name in outcome.found.needless:
        yield f"needless: {name} in [tool.audit.accepted] of pyproject.toml concerns nothing we install: remove it"
    for pin, why in outcome.unanswered.items():
        yield f"NOT looked up: {pin}: {_printable(why)}"


def _where(outcome: Outcome, advisory: Advisory) -> tuple[str, ...]:
    held = {(package.name, package.version): package.environments for package in outcome.packages}
    return held[advisory.package, advisory.version]


def _record(outcome: Outcome, advisory: Advisory) -> dict[str, object]:
    return {
        "package": advisory.package,
        "version": advisory.version,
        "advisory": advisory.name,
        "known_as": advisory.known_as,
        "fixed_in": advisory.fixed_in,
        "environments": _where(outcome, advisory),
        "summary": advisory.summary,
    }


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()


def _printable(text: str) -> str:
    """On one line: what a service says comes from elsewhere."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


__all__ = ["Outcome", "as_json", "summary", "table"]
