"""A long session on the real engine, with barge-ins: what it remembers is what its client heard."""

import json
import os
import sys

import pytest

from tests.e2e.demo import demo_chat
from tests.e2e.program import run_yielding

TURNS = 100
TIMEOUT_S = 900


@pytest.mark.engine
def test_a_hundred_turns_with_barge_ins_are_remembered_as_the_client_heard_them() -> None:
    environ = {**os.environ, "HF_HUB_OFFLINE": "1"}  # noqa: TID251 - for the child
    argv = [sys.executable, "-m", "tests.e2e.long_conversation", "--model", str(demo_chat()), "--turns", str(TURNS)]
    seen = json.loads(run_yielding(argv, TIMEOUT_S, environ).splitlines()[-1])
    assert sum(seen["ends"].values()) == seen["turns"] == TURNS, "one terminal frame a turn"
    assert seen["ends"]["cancelled"] > TURNS / 10
    assert seen["as_heard"]
    assert seen["unfinished"] == 0
    assert seen["rss_growth_mb"] < 30
