"""Autobahn's fuzzing client finds nothing, where there is a Python 2.7 for it; elsewhere the command says so.

The run's heading tells which of the two it was.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.conformance.interpreter import MEND, find
from tooling.refusal import REFUSED, Refusal

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 900.0


def interpreter() -> str | None:
    try:
        return str(find(None, os.environ).path)  # noqa: TID251  # where programs are on this machine
    except Refusal:
        return None


def test_the_fuzzing_client_finds_no_case_failed_and_none_that_is_not_strict() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.conformance", "--quick", "--json"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    if interpreter() is None:
        assert (done.returncode, done.stdout) == (REFUSED, "")
        assert MEND in done.stderr
        return
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    told = json.loads(done.stdout)
    assert (told["failed"], told["non_strict"]) == (0, 0)
    assert len(told["cases"]) == 301 + 301 + 36
