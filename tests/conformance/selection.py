"""Which cases are run."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from tooling.refusal import UsageError

COMPRESSION = (12, 13)
"""The families that are about compression alone: a thousand messages a case, and nothing to judge without it."""
QUICK = (
    *(f"12.{kind}.{size}" for kind in range(1, 6) for size in (1, 3, 5)),
    *(f"13.{kind}.{size}" for kind in range(1, 8) for size in (2, 4, 6)),
)
"""Of those two, each kind of message and each set of parameters with small, middling and larger messages."""


def chosen(every: Sequence[str], patterns: Sequence[str], *, quick: bool, compressed: bool) -> list[str]:
    """The cases that fit any pattern (none: all), in the suite's order. Raises `UsageError` if one fits nothing."""
    for pattern in patterns:
        if not any(fnmatchcase(case, pattern) for case in every):
            raise UsageError(f"no case fits {pattern}: write one as 7.1.1, or a pattern as '5.*'")
    found = [case for case in every if not patterns or any(fnmatchcase(case, pattern) for pattern in patterns)]
    return [case for case in found if _is_wanted(case, quick=quick, compressed=compressed)]


def _is_wanted(case: str, *, quick: bool, compressed: bool) -> bool:
    if int(case.partition(".")[0]) not in COMPRESSION:
        return True
    return compressed and (not quick or case in QUICK)


__all__ = ["COMPRESSION", "QUICK", "chosen"]
