"""What a requirement asks for on another Python than the one that resolves: pip looks at the running one alone."""

import re
from collections.abc import Iterable, Iterator

from tooling.setup.installer import Candidate

# The versions that the project runs on and the engines are published for.
SUPPORTED = ((3, 11), (3, 12), (3, 13), (3, 14))
# One clause; markers that also ask for a platform or an extra have never named a package that a lock would lack.
_CLAUSE = re.compile(
    r"\(?\s*python_(?:full_)?version\s*(?P<sign>[<>=!]=|[<>])\s*['\"](?P<version>\d+\.\d+)(?:\.\d+)?['\"]\s*\)?"
)


def for_other_pythons(chosen: Iterable[Candidate]) -> list[str]:
    """The requirements of these packages that hold on some supported Python, without their markers, in order."""
    return sorted({wanted for one in chosen for wanted in _by_python(one.requires)})


def _by_python(requirements: Iterable[str]) -> Iterator[str]:
    for requirement in requirements:
        wanted, _, marker = requirement.partition(";")
        clause = _CLAUSE.fullmatch(marker.strip())
        if clause and any(_holds(python, clause["sign"], clause["version"]) for python in SUPPORTED):
            yield re.sub(r"\s+", "", wanted)


def _holds(python: tuple[int, int], sign: str, version: str) -> bool:
    major, minor = map(int, version.split("."))
    other = (major, minor)
    # Packages write `python_version > "3.11"` for 3.12 and newer, and `python_full_version < "3.12"` for 3.11.
    return {
        "<": python < other,
        "<=": python <= other,
        ">": python > other,
        ">=": python >= other,
        "==": python == other,
        "!=": python != other,
    }[sign]


__all__ = ["SUPPORTED", "for_other_pythons"]
