"""How commands end when whoever reads them has left."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("program", ["quantize", "push", "trt", "status", "clean"])
def test_a_reader_that_leaves_is_no_traceback(program: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", f"tooling.{program}", "-h"]
    with os.fdopen(writer, "wb") as output:
        done = subprocess.run(command, check=False, stdout=output, stderr=subprocess.PIPE, cwd=ROOT)
    assert done.returncode in (0, 141, -13)
    assert done.stderr == b""
