"""Random loads on the router: nothing is lost, answered twice or mixed up, and batches begin when the rules say."""

import math

import pytest
import trio
from attrs import define, field, frozen
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from actors.router import Asker, Decision, RouterActor
from engines.classifier import Batching
from tests.actors.routing_stage import PATIENCE_S, Scripted, check_protocol, score_of


@frozen
class Arrival:
    """A request: when it comes and after what it is cancelled or late, in milliseconds (None: never)."""

    at: int
    cancelled_after: int | None
    timeout: int | None


@frozen
class Load:
    """Requests in order of arrival, batch limits, and what an inference takes; milliseconds."""

    arrivals: tuple[Arrival, ...]
    size: int
    delay: int
    step: int

    # Odd fractions keep the three kinds of moments apart: nothing ever happens at the same time as something else,
    # except requests that arrive together.
    @property
    def batching(self) -> Batching:
        return Batching(self.size, (self.delay + 0.37) / 1000)

    @property
    def step_s(self) -> float:
        return (self.step + 0.013) / 1000


def loads(leave: bool) -> st.SearchStrategy[Load]:
    never = st.none()
    arrival = st.builds(
        Arrival,
        at=st.integers(0, 120),
        cancelled_after=st.one_of(never, st.integers(0, 60)) if leave else never,
        timeout=st.one_of(never, st.integers(0, 60)) if leave else never,
    )
    return st.builds(
        Load,
        arrivals=st.lists(arrival, min_size=1, max_size=24).map(
            lambda found: tuple(sorted(found, key=lambda arrival: arrival.at))
        ),
        size=st.integers(1, 5),
        delay=st.integers(0, 30),
        step=st.integers(0, 30),
    )


@define
class Outcome:
    """What became of a load: per request its decision, or None if it was cancelled."""

    batches: list[tuple[float, list[str]]] = field(factory=list)
    decisions: dict[int, Decision | None] = field(factory=dict)


def play(load: Load) -> tuple[Outcome, RouterActor]:
    """The load through a real actor, in virtual time."""
    outcome, router = Outcome(), RouterActor()
    asker = Asker(router.mailbox)
    classifier = check_protocol(scripted := Scripted(load.step_s))

    async def ask(number: int, arrival: Arrival) -> None:
        await trio.sleep(arrival.at / 1000)
        outcome.decisions[number] = None
        with trio.move_on_after(math.inf if arrival.cancelled_after is None else arrival.cancelled_after / 1000):
            timeout_s = PATIENCE_S if arrival.timeout is None else arrival.timeout / 1000
            outcome.decisions[number] = await asker.decide(str(number), timeout_s)

    async def main() -> None:
        with trio.fail_after(3600):
            async with trio.open_nursery() as serving:
                serving.start_soon(router.run)
                await serving.start(router.serve, classifier, load.batching)
                async with trio.open_nursery() as nursery:
                    for number, arrival in enumerate(load.arrivals):
                        nursery.start_soon(ask, number, arrival)
                await wait_all_tasks_blocked()
                assert (router.stats().queued, router.stats().running) == (0, 0)
                serving.cancel_scope.cancel()

    trio.run(main, clock=MockClock(autojump_threshold=0))
    outcome.batches = scripted.batches
    return outcome, router


@settings(max_examples=150, deadline=None)
@given(loads(leave=True))
def test_no_request_is_lost_answered_twice_or_mixed_up(load: Load) -> None:
    outcome, router = play(load)
    assert set(outcome.decisions) == set(range(len(load.arrivals)))
    read = [text for _, texts in outcome.batches for text in texts]
    assert len(read) == len(set(read))
    assert all(1 <= len(texts) <= load.size for _, texts in outcome.batches)
    for number, decision in outcome.decisions.items():
        arrival = load.arrivals[number]
        if decision is None:
            assert arrival.cancelled_after is not None
        elif decision.score is None:
            assert arrival.timeout is not None
            assert not decision.yes
        else:
            assert decision.score == score_of(str(number))
            assert str(number) in read
    arrived = [load.arrivals[int(text)].at for text in read]
    assert arrived == sorted(arrived)
    stats = router.stats()
    assert stats.yes + stats.no + stats.withdrawn + sum(stats.errors.values()) == len(load.arrivals)
    assert stats.batches == len(outcome.batches)
    assert sum(size * times for size, times in stats.batch_sizes.items()) == len(read)


@settings(max_examples=150, deadline=None)
@given(loads(leave=False))
def test_batches_begin_when_the_rules_say(load: Load) -> None:
    outcome, _ = play(load)
    began = [(at, len(texts)) for at, texts in outcome.batches]
    expected = expected_batches(load)
    assert [size for _, size in began] == [size for _, size in expected]
    assert [at for at, _ in began] == pytest.approx([at for at, _ in expected], abs=1e-7)


def expected_batches(load: Load) -> list[tuple[float, int]]:
    """(start, size) of every batch by the rules, from arrivals that all stay."""
    left, free, shared = [arrival.at / 1000 for arrival in load.arrivals], 0.0, False
    batches: list[tuple[float, int]] = []
    while left:
        due = left[0]
        if shared:
            full = left[load.size - 1] if len(left) >= load.size else math.inf
            due = min(left[0] + load.batching.max_delay_s, full)
        start = max(free, due)
        size = min(load.size, sum(at <= start for at in left))
        batches.append((start, size))
        left, free, shared = left[size:], start + load.step_s, size > 1
    return batches
