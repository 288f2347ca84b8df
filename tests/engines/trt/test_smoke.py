"""The program for real hardware, run through on the stand-in: it proves the program, not the library."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.suite import CHECKS
from tests.engines.trt.library import STANDIN

ROOT = Path(__file__).resolve().parents[3]


def _smoke(model: Path, *arguments: str, standin: bool = True) -> "subprocess.CompletedProcess[str]":
    environ = {**os.environ, "HF_HUB_OFFLINE": "1"}  # noqa: TID251 - what a child inherits
    environ |= {"PYTHONPATH": str(STANDIN)} if standin else {}
    command = [sys.executable, "-m", "tests.hardware.trt.smoke", "--model", str(model), "--max-len", "512", "--json"]
    return subprocess.run(
        [*command, *arguments], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize("backend", ["engine", "pytorch"])
def test_every_row_has_a_verdict(model: Path, engine_dir: Path, tmp_path: Path, backend: str) -> None:
    (engine_dir / "build_metadata.json").unlink()
    done = _smoke(model, *(["--engine-dir", str(engine_dir)] if backend == "engine" else []))
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row for row in rows if not row["passed"]] == []
    assert {"start", "names_exist", "a_killed_worker_fails_its_requests", *CHECKS} <= {row["row"] for row in rows}
    assert done.returncode == 0, done.stderr


def test_without_the_library_the_verdict_says_what_to_install(model: Path) -> None:
    done = _smoke(model, standin=False)
    (row,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 3
    assert not row["passed"]
    assert "just setup trt" in row["detail"]
