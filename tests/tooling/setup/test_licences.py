"""Licences beside the locks: in the packages' own words, one for every locked version and none for another."""

import ensurepip
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tooling.setup import licences
from tooling.setup.installer import Installer
from tooling.setup.progress import Progress
from tooling.setup.project import Project
from tooling.setup.resolve import make_locks

ROOT = Path(__file__).resolve().parents[3]
PROJECT = Project(ROOT)
WHOLE_TEXT = "Copyright (c) 2011\n\nPermission is hereby granted"
MIT, APACHE = "License :: OSI Approved :: MIT License", "License :: OSI Approved :: Apache Software License"


@pytest.mark.parametrize(
    ("metadata", "licence"),
    [
        ({"license_expression": "MIT OR Apache-2.0", "license": "MIT"}, "MIT OR Apache-2.0"),
        ({"license": "BSD-3-Clause", "classifier": [MIT]}, "BSD-3-Clause"),
        ({"license": "UNKNOWN", "classifier": [MIT]}, "MIT License"),
        (
            {"license": WHOLE_TEXT, "classifier": ["Framework :: Trio", MIT, APACHE]},
            "MIT License OR Apache Software License",
        ),
        ({"license": WHOLE_TEXT}, "Copyright (c) 2011"),
        ({"license": "x" * 99}, "x" * 60),
        ({"license": "UNKNOWN"}, ""),
        ({}, ""),
    ],
)
def test_a_licence_is_said_in_at_most_a_line(metadata: dict[str, Any], licence: str) -> None:
    assert licences.said(metadata) == licence


def test_every_locked_version_has_its_licence_and_nothing_else_has() -> None:
    locks = [PROJECT.pins(path.stem) for path in (ROOT / "tooling" / "locks").glob("*.txt")]
    pins = {f"{name}=={version}" for lock in locks for name, version in lock.items()}
    told = licences.read(ROOT)
    assert told.keys() == pins | {f"torch=={PROJECT.torch_version()}"}, "just lock licences"
    assert licences.text(told, told) == (ROOT / licences.FILE).read_text("utf-8")


def test_whatever_a_package_says_is_read_back(tmp_path: Path) -> None:
    said = {"a==1": 'the "A" \\ licence', "b==2": "two\x00 lines\x1b", "c==3": "Lizenz für alle"}
    (tmp_path / "tooling" / "locks").mkdir(parents=True)
    (tmp_path / licences.FILE).write_text(licences.text(said, said), "utf-8")
    assert licences.read(tmp_path) == said | {"b==2": "two  lines "}
    assert licences.read(tmp_path / "elsewhere") == {}


def wheel(folder: Path, name: str, version: str, *metadata: str) -> None:
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        inside = f"{name}-{version}.dist-info"
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *metadata]
        archive.writestr(f"{inside}/METADATA", "\n".join([*lines, ""]))
        archive.writestr(f"{inside}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nTag: py3-none-any\n")
        archive.writestr(f"{inside}/RECORD", "")


def test_only_what_is_new_is_asked_and_what_is_gone_is_forgotten(
    tmp_path: Path, quiet: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the real pip, from a folder."""
    folder, root = tmp_path / "wheels", tmp_path / "checkout"
    folder.mkdir()
    (root / "tooling" / "locks").mkdir(parents=True)
    for bundled in (Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl"):
        (folder / bundled.name).write_bytes(bundled.read_bytes())
    wheel(folder, "fresh", "1.0", "License: MIT")
    wheel(folder, "fresh", "2.0", f"Classifier: {APACHE}")
    wheel(folder, "torch", "9.9")
    (root / "pyproject.toml").write_text('[project.optional-dependencies]\ncpu = ["torch==9.9"]\n')
    (root / "tooling" / "locks" / "cpu.txt").write_text("known==3\nfresh==1.0\n")
    (root / "tooling" / "locks" / "vllm.txt").write_text("fresh==2.0\n")
    (root / licences.FILE).write_text('"known==3" = "not asked again"\n"gone==1" = "MIT"\n')
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CONSTRAINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    written = make_locks(Project(root), quiet, ["licences"])
    assert written == (root / licences.FILE,)
    assert licences.read(root) == {
        "fresh==1.0": "MIT",
        "fresh==2.0": "Apache Software License",
        "known==3": "not asked again",
        "torch==9.9": "",
    }


def test_another_pip_than_the_environments_is_addressed_by_its_folder(quiet: Progress) -> None:
    made = Installer(Path("/e/bin/python"), quiet, pip=Path("/other/pip"))
    assert made.command == ["/e/bin/python", "-u", "/other/pip"]
