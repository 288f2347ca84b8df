"""A long session on the real engine, with barge-ins: what it remembers is what its client heard."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tooling.demo import chat

TURNS = 100
TIMEOUT_S = 900


@pytest.mark.engine
def test_a_hundred_turns_with_barge_ins_are_remembered_as_the_client_heard_them() -> None:
    environ = os.environ  # noqa: TID251 - shared with `just demo`, and for the child
    model = chat.ensure(Path(environ.get("YAP_HOME", "~/.cache/yap")).expanduser(), print)
    argv = [sys.executable, "-m", "tests.e2e.long_conversation", "--model", str(model), "--turns", str(TURNS)]
    done = subprocess.run(
        argv, env={**environ, "HF_HUB_OFFLINE": "1"}, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    assert sum(seen["ends"].values()) == seen["turns"] == TURNS, "one terminal frame a turn"
    assert seen["ends"]["cancelled"] > TURNS / 10
    assert seen["as_heard"]
    assert seen["unfinished"] == 0
    assert seen["rss_growth_mb"] < 30
