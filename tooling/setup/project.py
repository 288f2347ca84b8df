"""What `pyproject.toml` and the locks say is to be installed."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOCKS = Path("tooling") / "locks"


@dataclass(frozen=True)
class Project:
    """The checkout at `root`, as far as installing is concerned."""

    root: Path

    def table(self) -> Mapping[str, Any]:
        """`pyproject.toml`, parsed."""
        return tomllib.loads((self.root / "pyproject.toml").read_text("utf-8"))

    def dependencies(self) -> list[str]:
        """The project's own requirements."""
        return list(self.table()["project"]["dependencies"])

    def engine(self, name: str) -> list[str]:
        """The requirements of one engine."""
        return list(self.table()["project"]["optional-dependencies"][name])

    def group(self, name: str) -> list[str]:
        """The requirements of a dependency group (PEP 735), without nested groups."""
        return list(self.table()["dependency-groups"][name])

    def build_requirements(self) -> list[str]:
        """What builds the project, and what its back end needs for an editable install."""
        return [*self.table()["build-system"]["requires"], "editables"]

    def torch_version(self) -> str:
        """The torch version the CPU engine is pinned to."""
        return pinned(self.engine("cpu"), "torch")

    def lock(self, name: str) -> Path:
        """The file with the exact versions of one environment."""
        return self.root / LOCKS / f"{name}.txt"

    def pins(self, name: str) -> dict[str, str]:
        """What a lock holds: canonical distribution name to version."""
        return pins_of(self.lock(name).read_text("utf-8"))


def pinned(requirements: Sequence[str], name: str) -> str:
    """The version that `name==version` in a list of requirements stands for."""
    for requirement in requirements:
        found, _, version = requirement.partition("==")
        if found == name:
            return version
    raise KeyError(f"{name} is not pinned in pyproject.toml")


def pins_of(lock_text: str) -> dict[str, str]:
    """The lines of a lock: canonical distribution name to version."""
    lines = [line.strip() for line in lock_text.splitlines() if "==" in line and not line.startswith("#")]
    return {name: version for name, _, version in (line.partition("==") for line in lines)}


def lock_lines(pins: Mapping[str, str]) -> str:
    """The same the other way round, in order of the names."""
    return "".join(f"{name}=={pins[name]}\n" for name in sorted(pins))


__all__ = ["Project", "lock_lines", "pinned", "pins_of"]
