"""What the tests of the set-up share."""

import io
import sys
from pathlib import Path

import pytest

from tooling.setup.progress import Progress
from tooling.setup.project import Project

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def said() -> io.StringIO:
    """What a set-up tells people."""
    return io.StringIO()


@pytest.fixture
def quiet(said: io.StringIO) -> Progress:
    """Progress that writes to `said`."""
    return Progress(said)


@pytest.fixture
def checkout(tmp_path: Path) -> Project:
    """pyproject.toml and the locks, somewhere else."""
    (tmp_path / "tooling" / "locks").mkdir(parents=True)
    for path in (ROOT / "pyproject.toml", *(ROOT / "tooling" / "locks").glob("*.txt")):
        (tmp_path / path.relative_to(ROOT)).write_text(path.read_text("utf-8"), "utf-8")
    return Project(tmp_path)


@pytest.fixture
def python() -> Path:
    """An interpreter with pip."""
    return Path(sys.executable)
