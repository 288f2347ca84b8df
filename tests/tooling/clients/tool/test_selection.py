"""Which cases are replayed: longer ones skipped first, then the limit; one of each domain in turn."""

import pytest

from tests.tooling.clients.tool.scene import CASES
from tooling.clients.data.tool_cases import Case, Step
from tooling.clients.failures import UsageProblem
from tooling.clients.tool.selection import select


def case(domain: str, name: str, steps: int) -> Case:
    return Case(domain, name, (Step("hi", yes=False),) * steps)


FIVE = (case("a", "1", 9), case("a", "2", 6), case("a", "3", 7), case("b_c", "4", 8), case("b_c", "5", 6))


def names(wanted: list[str], most: int, limit: int | None) -> tuple[str, int]:
    chosen = select(FIVE, wanted, most, limit)
    return "".join(one.name for one in chosen.cases), chosen.skipped


def test_domains_take_turns() -> None:
    assert names([], 0, None) == ("14253", 0)


def test_longer_cases_are_skipped_before_the_limit_counts() -> None:
    assert names([], 7, 2) == ("25", 2)
    assert names([], 7, None) == ("253", 2)


@pytest.mark.parametrize("name", ["b_c", "b c", "B-C", " b_c "])
def test_a_domain_may_be_written_as_people_write_it(name: str) -> None:
    assert names([name], 0, None) == ("45", 0)


def test_an_unknown_domain_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageProblem, match="no domain 'x'; there are a, b_c"):
        names(["a", "x"], 0, None)


def test_when_all_are_too_long_it_is_said_what_would_do() -> None:
    with pytest.raises(UsageProblem, match="--max-steps 6"):
        names([], 5, None)


def test_a_short_run_sees_every_domain() -> None:
    chosen = select(CASES, [], 25, 24)
    assert len({one.domain for one in chosen.cases}) == 24
    assert chosen.skipped == 0
