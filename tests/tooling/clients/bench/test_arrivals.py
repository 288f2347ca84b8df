"""When conversations begin, and what is decided of them before: pure, and the same every time."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tooling.clients.bench.arrivals import BURSTS, CONSTANT, POISSON, Arrivals, moments, slot_moment
from tooling.clients.bench.plan import BARGE_WORDS, Part, Payload, Plan, conversation, from_job, opening, to_job
from tooling.clients.options import Common
from tooling.clients.session.connection import Limits
from tooling.yap_client.address import Endpoint

PAYLOADS: tuple[Payload, ...] = tuple(
    {"user_utterance": f"turn {number}", "chat_prompt": "You are a friend."} for number in range(4)
)
SECONDS = st.floats(0.1, 60)
open_arrivals = st.builds(
    Arrivals,
    kind=st.sampled_from([CONSTANT, POISSON]),
    rate=st.floats(0.1, 1000),
    ramp_s=st.one_of(st.just(0.0), SECONDS),
)


def first(count: int, arrivals: Arrivals, seed: int = 0) -> list[float]:
    return list(itertools.islice(moments(arrivals, seed), count))


@given(open_arrivals, st.integers(0, 9))
def test_moments_rise_from_the_start_on_and_a_seed_repeats_them(arrivals: Arrivals, seed: int) -> None:
    found = first(50, arrivals, seed)
    assert found == first(50, arrivals, seed)
    assert found[0] >= 0
    assert all(before <= after for before, after in itertools.pairwise(found))


@given(st.floats(1, 20), st.floats(0.1, 20))
def test_a_ramp_has_half_of_the_arrivals_and_the_full_rate_afterwards(rate: float, ramp_s: float) -> None:
    found = first(int(rate * ramp_s) + 20, Arrivals(kind=CONSTANT, rate=rate, ramp_s=ramp_s))
    in_ramp = sum(moment < ramp_s for moment in found)
    assert in_ramp == pytest.approx(rate * ramp_s / 2, abs=1.001)
    beyond = [moment for moment in found if moment >= ramp_s]
    assert all(after - before == pytest.approx(1 / rate) for before, after in itertools.pairwise(beyond))


def test_without_a_ramp_constant_arrivals_are_evenly_spaced() -> None:
    assert first(4, Arrivals(kind=CONSTANT, rate=4.0)) == [0.0, 0.25, 0.5, 0.75]


def test_poisson_arrivals_have_their_rate_and_are_not_even() -> None:
    found = first(4000, Arrivals(kind=POISSON, rate=20.0), seed=5)
    gaps = [after - before for before, after in itertools.pairwise(found)]
    mean = sum(gaps) / len(gaps)
    spread = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert mean == pytest.approx(0.05, rel=0.1)
    assert spread == pytest.approx(mean, rel=0.1)  # as of the exponential distribution
    assert found != first(4000, Arrivals(kind=POISSON, rate=20.0), seed=6)


def test_bursts_begin_together_a_window_apart() -> None:
    assert first(7, Arrivals(kind=BURSTS, burst_size=3, window_s=0.5)) == [0, 0, 0, 0.5, 0.5, 0.5, 1.0]


def test_slots_of_a_closed_load_come_one_after_the_other_in_a_ramp_and_at_once_without() -> None:
    assert [slot_moment(Arrivals(ramp_s=4.0), slot, 4) for slot in range(4)] == [0, 1, 2, 3]
    assert [slot_moment(Arrivals(), slot, 4) for slot in range(4)] == [0, 0, 0, 0]


@given(st.integers(0, 99), st.integers(0, 999), st.floats(0, 1), st.tuples(st.floats(0, 5), st.floats(5, 9)))
def test_what_is_said_when_is_decided_before_and_repeats(
    seed: int, number: int, share: float, think: tuple[float, float]
) -> None:
    plan = Plan(payloads=PAYLOADS, seed=seed, barge_in=share, think_s=think)
    turns = conversation(plan, number)
    assert turns == conversation(plan, number)
    assert [turn.number for turn in turns] == [0, 1, 2, 3]
    assert turns[0].think_s == 0
    assert all(think[0] <= turn.think_s <= think[1] for turn in turns[1:])
    assert all(turn.interrupt_after in (None, *range(BARGE_WORDS[0], BARGE_WORDS[1] + 1)) for turn in turns)


def test_the_share_of_interrupted_replies_is_the_one_that_was_asked_for() -> None:
    def interrupted(share: float) -> float:
        plan = Plan(payloads=PAYLOADS, barge_in=share)
        cut = [turn.interrupt_after is not None for number in range(500) for turn in conversation(plan, number)]
        return sum(cut) / len(cut)

    assert [interrupted(0.0), interrupted(1.0)] == [0, 1]
    assert interrupted(0.25) == pytest.approx(0.25, abs=0.03)


def test_more_interruptions_change_no_pause_and_keep_those_that_were() -> None:
    few, many = (
        [conversation(Plan(payloads=PAYLOADS, barge_in=share, think_s=(0, 2)), number) for number in range(50)]
        for share in (0.2, 0.6)
    )
    for some, more in zip(itertools.chain(*few), itertools.chain(*many), strict=True):
        assert some.think_s == more.think_s
        assert some.interrupt_after in (None, more.interrupt_after)


def test_cold_prompts_begin_differently_on_every_connection_and_the_same_with_the_same_seed() -> None:
    def head(number: int, seed: int, *, cold: bool = True) -> str:
        return str(opening(Plan(payloads=PAYLOADS, cold=cold, seed=seed), number)["chat_prompt"])

    prompts = [head(number, seed) for number in range(50) for seed in (1, 2)]
    assert len({prompt[:16] for prompt in prompts}) == 100
    assert all(prompt.endswith("You are a friend.") for prompt in prompts)
    assert head(3, 1) == head(3, 1)
    assert head(3, 1, cold=False) == "You are a friend."


@given(st.integers(1, 7), st.integers(0, 40))
def test_every_conversation_is_in_exactly_one_part(processes: int, number: int) -> None:
    assert sum(Part(index, processes).has(number) for index in range(processes)) == 1


def test_a_plan_travels_to_its_processes_as_it_is_and_shows_no_key() -> None:
    plan = Plan(
        payloads=PAYLOADS,
        interjection={"user_utterance": "wait"},
        requests=None,
        duration_s=3.5,
        arrivals=Arrivals(kind=POISSON, rate=2.5, ramp_s=1.0),
        labels=("FIRST", "SECOND"),
        think_s=(0.5, 2.0),
        barge_in=0.25,
        cold=True,
        seed=9,
    )
    common = Common(Endpoint("ws://h/ws", "hush", "bearer"), Limits(receive_s=3.0), lenient=True)
    job: dict[str, Any] = json.loads(json.dumps(to_job(plan, common, Part(1, 3))))
    assert from_job(job) == (plan, common, Part(1, 3))
    assert "hush" not in repr((common, plan))
