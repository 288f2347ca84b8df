"""A failing plan is made smaller: only by plans that can be run."""

from attrs import evolve

from tests.simulation.campaign import Finding
from tests.simulation.judge import Breach
from tests.simulation.planning import plan_of


def test_settings_that_no_longer_go_together_are_not_a_smaller_plan() -> None:
    few = {"CHAT_MAX_OUT": "50", "WS_OUTBOX_MAX_BYTES": "8192"}
    plan = evolve(plan_of(1), clients=(), faults=(), env=few)
    finding = Finding(plan=plan, breach=Breach("no such invariant", "nothing"), lines=())
    assert finding.smaller() is finding
