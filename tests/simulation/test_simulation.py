"""Two thousand histories of the whole server, and everything that one of them ever found.

In processes of their own, as many as there are cores: pytest's workers take whole files.
"""

import os

import pytest

from tests.simulation.campaign import campaign, corpus, look_into
from tests.simulation.plan import Case

SEEDS = 2000


@pytest.mark.parametrize("case", corpus().values(), ids=corpus().keys())
def test_what_was_found_stays_mended(case: Case) -> None:
    finding = look_into(case.plan)
    assert finding is None, f"{case.found}\n{finding.found if finding else ''}"


def test_every_invariant_holds_in_every_history() -> None:
    result = campaign(range(SEEDS), lambda _done, _found: None, at_most=1, jobs=os.cpu_count() or 1)
    if result.findings:
        smaller = result.findings[0].smaller()
        raise AssertionError("\n".join([*smaller.lines, f"seed {smaller.plan.seed} broke {smaller.found}"]))
    assert result.seeds == SEEDS
