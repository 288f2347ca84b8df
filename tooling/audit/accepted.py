"""Advisories that somebody looked at and lives with: `[tool.audit.accepted]` of pyproject.toml, name to reason."""

from collections.abc import Iterable, Mapping

from attrs import frozen

from tooling.audit.advisories import Advisory
from tooling.refusal import REFUSED, Refusal
from tooling.setup.project import Project


@frozen
class Sorted:
    """What stands against us, what is lived with (advisory and reason), and which exceptions nothing needs any more."""

    open: tuple[Advisory, ...]
    accepted: tuple[tuple[Advisory, str], ...]
    needless: tuple[str, ...]


def read(project: Project) -> dict[str, str]:
    """Name to reason. Raises `Refusal` for one without a reason."""
    table = project.table().get("tool", {}).get("audit", {}).get("accepted", {})
    without = [name for name, reason in table.items() if not (isinstance(reason, str) and reason.strip())]
    if without:
        raise Refusal(f"pyproject.toml, [tool.audit.accepted]: {', '.join(without)} has no reason: write one", REFUSED)
    return dict(table)


def sort(advisories: Iterable[Advisory], reasons: Mapping[str, str], *, whole: bool) -> Sorted:
    """Part them. `whole`: every environment was looked at, so that an exception which met nothing is needless."""
    against: list[Advisory] = []
    lived_with: list[tuple[Advisory, str]] = []
    met: set[str] = set()
    for advisory in advisories:
        names = advisory.names & reasons.keys()
        met |= names
        if names:
            lived_with.append((advisory, reasons[min(names)]))
        else:
            against.append(advisory)
    return Sorted(tuple(against), tuple(lived_with), tuple(sorted(reasons.keys() - met)) if whole else ())


__all__ = ["Sorted", "read", "sort"]
