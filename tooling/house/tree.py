"""Everything the rules look at, read once: the packages' and the tests' modules, and what shells and builders read."""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from attrs import field, frozen

from tooling.house.module import Module
from tooling.refusal import FAILED, REFUSED, Refusal

TESTS = "tests"
PROJECT = "pyproject.toml"
# Folders that hold what was made or fetched, and no work of ours. Hidden ones too, but for these, which run programs.
MADE = frozenset({"__pycache__", "build", "dist", "node_modules", "shared"})
RUN_BY_OTHERS = frozenset({".ci", ".github", ".githooks"})
SCRIPTS = (".sh", ".bash", ".just", ".yaml", ".yml")
PAGES = (".js", ".mjs", ".css", ".html")
SHELLS = (".sh", ".bash")
SHEBANG_BYTES = 2
SHEBANG = re.compile(r"#!.*\b(?:ba|da|k)?sh\b")


@frozen
class Text:
    """A file that is no module: `path` from the root."""

    path: str
    text: str


@frozen
class Tree:
    """The project below `root`. Nothing of it is imported or run."""

    root: Path
    packages: tuple[str, ...]
    table: Mapping[str, Any]
    files: tuple[str, ...]
    unreadable: list[tuple[str, str]] = field(factory=list, init=False, eq=False)

    @cached_property
    def modules(self) -> tuple[Module, ...]:
        """Of the packages and of the tests; what is no Python stands in `unreadable`, with the reason."""
        return tuple(self._modules())

    @cached_property
    def ours(self) -> tuple[Module, ...]:
        """The packages' modules, without the tests."""
        return tuple(one for one in self.modules if not one.path.startswith(f"{TESTS}/"))

    @cached_property
    def scripts(self) -> tuple[Text, ...]:
        """What shells, `just`, image builders and other machines' runners read."""
        return tuple(one for path in self.files if self._runs(path) and (one := self._text(path)) is not None)

    @cached_property
    def pages(self) -> tuple[Text, ...]:
        """What browsers run."""
        return tuple(one for path in self.files if path.endswith(PAGES) and (one := self._text(path)) is not None)

    @cached_property
    def shells(self) -> tuple[str, ...]:
        """The paths of the scripts that a POSIX shell or bash reads."""
        return tuple(one.path for one in self.scripts if one.path.endswith(SHELLS) or SHEBANG.match(one.text))

    def text(self, path: str) -> str:
        """The content of one file, empty where it is none."""
        found = self._text(path)
        return found.text if found else ""

    def _modules(self) -> Iterator[Module]:
        for path in self.files:
            if not path.endswith(".py") or path.partition("/")[0] not in (*self.packages, TESTS):
                continue
            read = self._text(path)
            if read is None:
                continue
            try:
                yield Module.of(path, read.text)
            except (SyntaxError, ValueError) as error:
                self.unreadable.append((path, f"is no Python: {error}"))

    def _runs(self, path: str) -> bool:
        name = path.rpartition("/")[2]
        if name.endswith(SCRIPTS) or name == "justfile" or name.startswith(("Dockerfile", "Containerfile")):
            return not name.endswith(".dockerignore")
        return "." not in name and self._shebang(path)

    def _shebang(self, path: str) -> bool:
        try:
            with (self.root / path).open("rb") as file:
                return file.read(SHEBANG_BYTES) == b"#!"
        except OSError:
            return False

    def _text(self, path: str) -> Text | None:
        try:
            return Text(path, (self.root / path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            if (path, str(error)) not in self.unreadable:
                self.unreadable.append((path, str(error)))
            return None


def read(root: Path) -> Tree:
    """The tree below `root`. Raises `Refusal` where its pyproject.toml cannot tell which packages are ours."""
    try:
        table = tomllib.loads((root / PROJECT).read_text(encoding="utf-8"))
        packages = tuple(table["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    except OSError as error:
        raise Refusal(f"{root / PROJECT}: {error.strerror or error}", FAILED) from None
    except (ValueError, KeyError, TypeError) as error:
        raise Refusal(
            f"{root / PROJECT} does not say which packages are ours ({type(error).__name__}: {error}): list them under"
            " [tool.hatch.build.targets.wheel], packages",
            REFUSED,
        ) from None
    return Tree(root, packages, table, tuple(sorted(_walk(root))))


def _walk(root: Path) -> Iterator[str]:
    for folder, names, files in os.walk(root):
        names[:] = [name for name in names if name in RUN_BY_OTHERS or not (name.startswith(".") or name in MADE)]
        place = Path(folder).relative_to(root).as_posix()
        yield from (name if place == "." else f"{place}/{name}" for name in files)


__all__ = ["PROJECT", "TESTS", "Text", "Tree", "read"]
