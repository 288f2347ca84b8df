"""What is wrong with the settings: every problem at once, never a secret among them."""

from collections.abc import Sequence
from typing import ClassVar

from attrs import frozen


@frozen
class Problem:
    """One line of the report. `name`: the variable, with its flag where that was used; `text`: value and remedy."""

    name: str
    text: str

    def __str__(self) -> str:
        return f"{self.name}: {self.text}"


class SettingsError(Exception):
    """The settings cannot be used; nothing was loaded or bound. `str` is the whole report, one line a problem."""

    exit_status: ClassVar[int] = 3

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(report(self.problems))


def report(problems: Sequence[Problem]) -> str:
    """The problems as printed: a count, then one indented line each."""
    count = f"settings: {len(problems)} problem{'' if len(problems) == 1 else 's'}"
    return "\n".join([count, *(f"  {problem}" for problem in problems)])


__all__ = ["Problem", "SettingsError", "report"]
