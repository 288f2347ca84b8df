"""A seed is one history: here, again, and in another process whose hashes are others."""

import os
import subprocess
import sys

import pytest

from tests.simulation.plan import Case, decode, encode
from tests.simulation.planning import plan_of
from tests.simulation.run import run

SEEDS = (1, 2, 3, 5, 8)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_plan_is_a_function_of_its_seed_and_can_be_saved(seed: int) -> None:
    plan = plan_of(seed)
    assert plan == plan_of(seed)
    assert decode(encode(Case(found="nothing", plan=plan))).plan == plan


def test_equal_plans_have_equal_traces() -> None:
    first = [run(plan_of(seed)) for seed in SEEDS]
    again = [run(plan_of(seed)) for seed in reversed(SEEDS)]
    assert [outcome.breach for outcome in first] == [None] * len(SEEDS)
    assert [outcome.trace.lines for outcome in first] == [outcome.trace.lines for outcome in reversed(again)]


def test_another_process_has_the_same_trace() -> None:
    code = (
        "from tests.simulation.planning import plan_of; from tests.simulation.run import run\n"
        f"for seed in {SEEDS}: print(run(plan_of(seed)).digest)"
    )
    environ = {**os.environ, "PYTHONHASHSEED": "4711"}  # noqa: TID251
    told = subprocess.run([sys.executable, "-c", code], env=environ, check=True, capture_output=True, text=True)
    digests = [line for line in told.stdout.splitlines() if len(line) == 64]
    assert digests == [run(plan_of(seed)).digest for seed in SEEDS]
