"""What a check says."""

import enum
from collections.abc import Callable

from attrs import frozen

from tooling.doctor.facts import Facts


class Status(enum.StrEnum):
    """`fail`: a server would not run, or not rightly; `warn`: it may; `ok`."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@frozen
class Finding:
    """One line of the report. `remedy`: what to do, empty if there is nothing to do."""

    name: str
    status: Status
    line: str
    remedy: str = ""


# None: the question does not arise for this engine or machine.
Check = Callable[[Facts], Finding | None]


def ok(name: str, line: str) -> Finding:
    """All is well."""
    return Finding(name, Status.OK, line)


def warn(name: str, line: str, remedy: str) -> Finding:
    """It may work."""
    return Finding(name, Status.WARN, line, remedy)


def fail(name: str, line: str, remedy: str) -> Finding:
    """It will not work."""
    return Finding(name, Status.FAIL, line, remedy)


__all__ = ["Check", "Finding", "Status", "fail", "ok", "warn"]
