"""Cases of the tool regression: what somebody says in one session, and whether each line needs the screen."""

from collections.abc import Sequence
from pathlib import Path

from attrs import field, frozen

from tooling.clients.data.tables import Table, read_table, tables_of, text_of
from tooling.clients.failures import UsageProblem

FOLDER = Path(__file__).parent / "tool_cases"
LABELS = {"yes": True, "no": False}
HOW = 'write ["what is said", "yes"] or ["what is said", "no"]'


@frozen
class Step:
    """One line. `yes`: answering it needs what is on the speaker's screen at that moment."""

    text: str = field(repr=False)
    yes: bool

    @property
    def label(self) -> str:
        """`yes` or `no`."""
        return "yes" if self.yes else "no"


@frozen
class Case:
    """One session. `domain`: the name of its file."""

    domain: str
    name: str
    steps: tuple[Step, ...]

    @property
    def key(self) -> str:
        """What the case is called in reports."""
        return f"{self.domain}/{self.name}"


def load_cases(folder: Path = FOLDER) -> tuple[Case, ...]:
    """All cases, domain by domain. Raises `UsageProblem` that names file, case, step, and what to mend."""
    cases = tuple(case for path in sorted(folder.glob("*.toml")) for case in _file(path))
    if not cases:
        raise UsageProblem(f"no cases in {folder.name}: it needs at least one .toml file")
    return cases


def domains(cases: Sequence[Case]) -> tuple[str, ...]:
    """The names of all domains, in the order of their cases."""
    return tuple(dict.fromkeys(case.domain for case in cases))


def _file(path: Path) -> list[Case]:
    cases: dict[str, Case] = {}
    for number, table in enumerate(tables_of(read_table(path), "case", path.name), 1):
        name = text_of(table, "name", f"{path.name}: case {number}")
        if name in cases:
            raise UsageProblem(f"{path.name}: two cases are named {name!r}; rename one")
        cases[name] = Case(path.stem, name, _steps(table, f"{path.name}: case {name!r}"))
    return list(cases.values())


def _steps(table: Table, where: str) -> tuple[Step, ...]:
    steps = table.get("steps")
    if not isinstance(steps, list) or not steps:
        raise UsageProblem(f"{where}: needs steps = [...]; {HOW}")
    return tuple(_step(step, f"{where}, step {number}") for number, step in enumerate(steps, 1))


def _step(step: object, where: str) -> Step:
    match step:
        case [str() as text, str() as label] if text.strip() and label in LABELS:
            return Step(text.strip(), LABELS[label])
    raise UsageProblem(f"{where}: {HOW}")


__all__ = ["FOLDER", "Case", "Step", "domains", "load_cases"]
