"""A copy of the product and its tests, which one mutation at a time is applied to."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from tests.simulation.mutations.mutation import Mutation

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ("runtime", "actors", "engines", "protocol", "tooling", "tests")


class Stale(Exception):
    """The product has moved on: the patch does not apply any more. The message is git's."""


@frozen
class Tree:
    """`directory`: where the copy is."""

    directory: Path

    @contextmanager
    def changed(self, mutation: Mutation) -> Iterator[None]:
        """The copy with this mutation meanwhile. Raises `Stale`."""
        apply(mutation, self.directory)
        try:
            yield
        finally:
            for file in mutation.files:
                shutil.copyfile(ROOT / file, self.directory / file)


@contextmanager
def copied() -> Iterator[Tree]:
    """A copy of this tree, gone on the way out."""
    with tempfile.TemporaryDirectory(prefix="mutations-") as scratch:
        for package in PACKAGES:
            shutil.copytree(ROOT / package, Path(scratch) / package, ignore=shutil.ignore_patterns("__pycache__"))
        yield Tree(Path(scratch))


def apply(mutation: Mutation, directory: Path, *, check_only: bool = False) -> None:
    """Change a tree. Raises `Stale`, changing nothing."""
    # Without its own repository around it, git would look for one further up and leave out what is not in that.
    command = ["git", "apply", "--whitespace=nowarn", *(["--check"] if check_only else []), str(mutation.patch)]
    environ = {"GIT_CEILING_DIRECTORIES": str(directory.parent), "GIT_DIR": "/nowhere", "LC_ALL": "C"}
    done = subprocess.run(
        command, cwd=directory, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Stale(" ".join(done.stderr.split()) or f"git apply ended with {done.returncode}")


__all__ = ["ROOT", "Stale", "Tree", "apply", "copied"]
