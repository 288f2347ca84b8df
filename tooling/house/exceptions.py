"""`[tool.house]` in pyproject.toml: what is let pass, a line and a reason each. What nothing needs is a finding."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from attrs import define, field, frozen

from tooling.house.finding import Finding
from tooling.house.laziness import HEAVY, LATE_IMPORTS
from tooling.house.tree import PROJECT, Tree

RULE = "exception"
REMEDY = "correct or remove the line"
TABLES = frozenset({"exceptions", "opened-late"})


@frozen
class Line:
    """One line: for which rule and file, and of which subject; an empty one means all of the file."""

    key: str
    rule: str
    path: str
    subject: str = ""
    heavy_only: bool = False

    def covers(self, finding: Finding) -> bool:
        """Whether it lets this pass."""
        return (
            (finding.rule, finding.path) == (self.rule, self.path)
            and self.subject in ("", finding.subject)
            and not (self.heavy_only and finding.subject not in HEAVY)
        )


@define
class Exceptions:
    """The lines of a tree, and which of them were needed."""

    text: str
    lines: Sequence[Line]
    problems: list[Finding]
    _used: set[str] = field(factory=set, init=False)

    def pass_over(self, finding: Finding) -> bool:
        """Whether a line lets it pass; every one that does counts as needed."""
        covering = [line.key for line in self.lines if line.covers(finding)]
        self._used.update(covering)
        return bool(covering)

    def unused(self) -> Iterator[Finding]:
        """A finding for each line that let nothing pass."""
        for line in self.lines:
            if line.key not in self._used:
                yield _problem(self.text, line.key, f'"{line.key}" lets nothing pass')


def read(tree: Tree, rules: Collection[str]) -> Exceptions:
    """What pyproject.toml lets pass. What it says wrongly is among the problems."""
    text = tree.text(PROJECT)
    table = tree.table["tool"].get("house", {})
    problems = [
        _problem(text, name, f"[tool.house] has no {name!r}, but {', '.join(sorted(TABLES))}")
        for name in sorted(set(table) - TABLES)
    ]
    lines: list[Line] = []
    for key, reason in _entries(table, "exceptions", text, problems):
        rule, _, rest = key.partition(" ")
        path, _, subject = rest.partition(" ")
        if rule not in rules or not path:
            problems.append(_problem(text, key, f'"{key}" is not "RULE PATH [SUBJECT]" with a rule of --list'))
        elif _has_reason(text, key, reason, problems):
            lines.append(Line(key, rule, path, subject))
    for key, reason in _entries(table, "opened-late", text, problems):
        if _has_reason(text, key, reason, problems):
            lines.append(Line(key, LATE_IMPORTS.name, key, heavy_only=True))
    return Exceptions(text, tuple(lines), problems)


def _entries(table: Mapping[str, object], name: str, text: str, problems: list[Finding]) -> list[tuple[str, object]]:
    found = table.get(name, {})
    if isinstance(found, Mapping):
        return list(found.items())
    problems.append(_problem(text, name, f"[tool.house] {name} is no table"))
    return []


def _has_reason(text: str, key: str, reason: object, problems: list[Finding]) -> bool:
    if isinstance(reason, str) and reason.strip():
        return True
    problems.append(_problem(text, key, f'"{key}" gives no reason'))
    return False


def _problem(text: str, key: str, what: str) -> Finding:
    number = next((number for number, line in enumerate(text.splitlines(), 1) if key in line), 1)
    return Finding(PROJECT, number, what, key, RULE, REMEDY)


__all__ = ["RULE", "Exceptions", "read"]
