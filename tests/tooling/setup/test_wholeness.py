"""Packages that were installed by halves are found and installed again."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tooling.setup.wholeness import damaged, discard_damaged


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """An environment with one whole package: a module, a compiled one that is not there, a script beside."""
    found = tmp_path / "lib" / "python3.11" / "site-packages"
    info = found / "tiny_thing-1.0.dist-info"
    info.mkdir(parents=True)
    (found / "tiny.py").write_text("x = 1\n")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "tiny").write_text("#!\n")
    (info / "METADATA").write_text("Name: tiny-thing\n")
    rows = ["tiny.py,sha256=x,6", "__pycache__/tiny.cpython-311.pyc,,", "../../../bin/tiny,sha256=y,3"]
    rows += ["tiny_thing-1.0.dist-info/METADATA,,17", "tiny_thing-1.0.dist-info/RECORD,,"]
    (info / "RECORD").write_text("\n".join(rows) + "\n")
    return found


def test_a_whole_package_is_left_alone(site: Path, tmp_path: Path) -> None:
    assert discard_damaged(tmp_path) == []
    assert (site / "tiny_thing-1.0.dist-info").exists()


@pytest.mark.parametrize("harm", ["missing", "short", "script", "no record", "empty record"])
def test_a_package_that_lacks_something_is_forgotten_so_that_it_comes_again(
    site: Path, tmp_path: Path, harm: str
) -> None:
    record = site / "tiny_thing-1.0.dist-info" / "RECORD"
    harms: dict[str, Callable[[], object]] = {
        "missing": (site / "tiny.py").unlink,
        "short": lambda: (site / "tiny.py").write_text("x"),
        "script": (tmp_path / "bin" / "tiny").unlink,
        "no record": record.unlink,
        "empty record": lambda: record.write_text(""),
    }
    harms[harm]()
    assert [info.name for info in damaged(tmp_path)] == ["tiny_thing-1.0.dist-info"]
    assert discard_damaged(tmp_path) == ["tiny_thing"]
    assert not list(damaged(tmp_path))
    assert not (site / "tiny_thing-1.0.dist-info").exists()


def test_what_is_no_package_is_nothing(tmp_path: Path) -> None:
    assert discard_damaged(tmp_path / "none") == []
    assert discard_damaged(tmp_path) == []
