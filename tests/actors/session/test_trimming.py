"""How many tokens a history and each message may cost, and what goes when it is more: the behaviour page's tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.session.budgets import Limits, Measure, text_budget, trim_limits
from actors.session.history import History, Kind
from actors.session.intake import analysis, utterance
from tests.actors.session.word_tokens import LIMITS, count, cut, of_costs, spoken, words

# --- trimming


@pytest.mark.parametrize(
    ("costs", "kept", "cost"),
    [
        ([300] * 10, 10, 3000),
        ([300] * 9 + [301], 6, 1801),
        ([100] * 60, 20, 2000),
        ([1500] + [300] * 4 + [301], 5, 1501),
        ([300] * 5 + [1501], 2, 1801),
        ([1000, 2100], 1, 2000),
        ([2500], 1, 2500),
    ],
)
def test_trimming_keeps_what_the_table_says(costs: list[int], kept: int, cost: int) -> None:
    history = of_costs(costs).trimmed(LIMITS, cut)
    assert (len(history.turns()), history.cost) == (kept, cost)


def test_a_short_reply_leaves_its_share_to_the_user_message() -> None:
    history = spoken((2400, 601)).trimmed(LIMITS, cut)
    assert [m.cost for m in history.messages] == [1399, 601]
    assert history.messages[0].text == words(1399)


def test_the_import_row_of_the_table() -> None:
    history = of_costs([200] * 9 + [201]).trimmed(LIMITS.for_import(), cut)
    assert (len(history.turns()), history.cost) == (9, 1801)


def test_a_cut_counts_prefix_and_template() -> None:
    measure = Measure(count=count, at_most=count, cut=cut, per_message=5, check_tokens=4, utterance_max=10**6)
    history = History().append(utterance(1, words(3000), measure)).trimmed(LIMITS, cut)
    assert (history.cost, count(history.messages[0].text)) == (2000, 1991)


@pytest.mark.parametrize(
    ("room", "trigger", "target"), [(3367, 3000, 2000), (2438, 2438, 1625), (3000, 3000, 2000), (0, 1, 1), (-5, 1, 1)]
)
def test_limits_shrink_with_the_room(room: int, trigger: int, target: int) -> None:
    assert trim_limits(room) == Limits(trigger, target)


@given(costs=st.lists(st.integers(2, 900), min_size=1, max_size=30))
def test_trimming_drops_no_turn_beyond_need(costs: list[int]) -> None:
    history = of_costs(costs)
    after = history.trimmed(LIMITS, cut)
    if history.cost <= LIMITS.trigger:
        assert after == history
        return
    assert after.cost <= LIMITS.target
    dropped = len(costs) - len(after.turns())
    assert history.messages[2 * dropped :] == after.messages
    assert after.cost + costs[dropped - 1] > LIMITS.target


# --- budgets


def test_an_utterance_is_cut_at_its_end_and_pays_for_the_check_prefix() -> None:
    measure = Measure(count=count, at_most=count, cut=cut, per_message=5, check_tokens=4)
    message = utterance(1, words(600), measure)
    assert (message.text, message.cost) == (words(496), 505)


def test_an_analysis_pays_for_the_checked_prefix() -> None:
    measure = Measure(count=count, at_most=count, cut=cut, per_message=5, check_tokens=4, checked_tokens=7)
    message = analysis(2, words(600), "ON THE SCREEN NOW:", measure)
    assert (count(message.text), message.cost, message.kind) == (493, 505, Kind.ANALYSIS)
    assert message.prompt_text.startswith("ON THE SCREEN NOW: w0 ")


def test_a_budget_never_falls_below_one_token() -> None:
    assert text_budget(3, 9) == 1
    assert text_budget(500, 4) == 496
