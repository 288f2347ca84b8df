"""The simulator can fail: a few mutations are caught, one that changes nothing is not, one that does not apply is told.

All of them: `just simulate --self-test`.
"""

import difflib
import json
import subprocess
import sys
from pathlib import Path

from tests.simulation.mutations.tree import ROOT

SEEDS = "12"
CAUGHT = ("abort-lost", "barge-in-untold", "place-not-given-back", "cancel-unanswered")
CHANGED = "runtime/tracebacks.py"
STALE = """\
It was made for another product.

--- a/actors/lanes.py
+++ b/actors/lanes.py
@@ -1,1 +1,1 @@
-nothing of ours
+nothing
"""


def test_a_few_are_caught_and_what_survives_or_is_stale_is_a_failure(tmp_path: Path) -> None:
    before = (ROOT / CHANGED).read_text("utf-8").splitlines(keepends=True)
    diff = difflib.unified_diff(before, [*before, "# nothing\n"], f"a/{CHANGED}", f"b/{CHANGED}")
    (tmp_path / "nothing.patch").write_text("".join(["A comment more.\n\n", *diff]))
    (tmp_path / "stale.patch").write_text(STALE)
    patches = [str(tmp_path / "nothing.patch"), str(tmp_path / "stale.patch")]
    done = subprocess.run(
        [sys.executable, "-m", "tests.simulation", "--json", "--seeds", SEEDS, "--self-test", *CAUGHT, *patches],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    told = json.loads(done.stdout)
    found = {each["mutation"]: each for each in told["findings"]}
    assert [name for name, each in found.items() if each["caught"]] == list(CAUGHT)
    assert found["nothing"]["seeds"] == int(SEEDS)
    assert "actors/lanes.py" in found["stale"]["stale"]
    assert told["unchanged"] is None


def test_a_name_that_is_none_is_a_usage_error() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.simulation", "--self-test", "abort-found"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no mutation abort-found" in done.stderr
