"""The router's actor in virtual time, with a classifier that does what a script says."""

import math
import zlib
from collections.abc import Callable, Sequence

import pytest
import trio
from attrs import define, field, frozen
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from actors.router import RouterActor, RoutingError
from actors.session.turn import Decision
from engines.base import Progress
from engines.classifier import Batching, Classifier, ClassifierInfo
from engines.errors import EngineDead, EngineError, EngineHung, TurnFailed

PATIENCE_S = 10.0
PAIRS = Batching(2, 0.020)
TRIPLES = Batching(3, 0.020)


def score_of(text: str) -> float:
    """Its own answer for each text, so that a mix-up shows."""
    return (zlib.crc32(text.encode()) % 1000) / 1000


@define(eq=False)
class Scripted:
    """A classifier of `step_s` an inference; `batches` is what it was asked and when."""

    step_s: float = 0.1
    answer: Callable[[Sequence[str]], Sequence[float]] = lambda texts: [score_of(text) for text in texts]
    batches: list[tuple[float, list[str]]] = field(factory=list)
    busy: bool = False

    async def open(self, progress: Progress) -> ClassifierInfo:
        raise NotImplementedError("the actor gets an opened classifier")

    async def classify(self, texts: Sequence[str]) -> Sequence[float]:
        assert not self.busy, "two inferences at once"
        self.batches.append((trio.current_time(), list(texts)))
        self.busy = True
        try:
            await trio.sleep(self.step_s)
        finally:
            self.busy = False
        return self.answer(texts)

    async def close(self) -> None:
        raise NotImplementedError("the actor does not close its classifier")

    @property
    def starts(self) -> list[float]:
        return [at for at, _ in self.batches]

    @property
    def asked(self) -> list[list[str]]:
        return [texts for _, texts in self.batches]


def check_protocol(classifier: Scripted) -> Classifier:
    return classifier


def failing(error: Exception) -> Callable[[Sequence[str]], Sequence[float]]:
    def answer(texts: Sequence[str]) -> Sequence[float]:
        raise error

    return answer


@define(eq=False)
class Stage:
    """A running router and who asks it."""

    router: RouterActor
    nursery: trio.Nursery
    answers: dict[str, Decision] = field(factory=dict)

    def ask(self, text: str, timeout_s: float = PATIENCE_S) -> trio.CancelScope:
        scope = trio.CancelScope()
        self.nursery.start_soon(self._ask, text, timeout_s, scope)
        return scope

    async def _ask(self, text: str, timeout_s: float, scope: trio.CancelScope) -> None:
        with scope:
            decision = await self.router.decide(text, timeout_s)
            assert text not in self.answers
            self.answers[text] = decision


async def stage(nursery: trio.Nursery, classifier: Scripted, batching: Batching = PAIRS) -> Stage:
    router = RouterActor()
    await nursery.start(router.run, classifier, batching)
    return Stage(router, nursery)


async def test_a_lone_request_does_not_wait_for_companions(autojump_clock: MockClock) -> None:
    classifier = Scripted()
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            scene = await stage(nursery, classifier)
            for number in range(3):
                await scene.router.decide(f"alone {number}", PATIENCE_S)
            nursery.cancel_scope.cancel()
    assert classifier.starts == pytest.approx([0.0, 0.1, 0.2])


async def test_what_arrives_during_an_inference_forms_the_next_batch(autojump_clock: MockClock) -> None:
    classifier = Scripted()
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            scene = await stage(nursery, classifier, TRIPLES)
            for text in ("a", "b", "c", "d", "e"):
                scene.ask(text)
                await trio.sleep(0.010)
            await trio.sleep(1)
            nursery.cancel_scope.cancel()
    assert classifier.asked == [["a"], ["b", "c", "d"], ["e"]]
    assert scene.answers["d"].score == score_of("d")


async def test_after_a_shared_batch_a_request_waits_for_companions_but_not_beyond_the_delay(
    autojump_clock: MockClock,
) -> None:
    classifier = Scripted()
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            scene = await stage(nursery, classifier, TRIPLES)
            scene.ask("a")
            scene.ask("b")
            await trio.sleep(0.5)
            scene.ask("c")
            await trio.sleep(0.015)
            scene.ask("d")
            await trio.sleep(1)
            nursery.cancel_scope.cancel()
    assert classifier.starts == pytest.approx([0.0, 0.52])
    assert list(map(set, classifier.asked)) == [{"a", "b"}, {"c", "d"}]


async def test_a_full_batch_does_not_wait(autojump_clock: MockClock) -> None:
    classifier = Scripted()
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            scene = await stage(nursery, classifier, PAIRS)
            scene.ask("a")
            scene.ask("b")
            await trio.sleep(0.5)
            scene.ask("c")
            await trio.sleep(0.005)
            scene.ask("d")
            await trio.sleep(1)
            nursery.cancel_scope.cancel()
    assert classifier.starts == pytest.approx([0.0, 0.505])
    assert classifier.asked[1] == ["c", "d"]


async def test_a_request_that_leaves_takes_the_delay_with_it(autojump_clock: MockClock) -> None:
    classifier = Scripted()
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            scene = await stage(nursery, classifier, TRIPLES)
            scene.ask("a")
            scene.ask("b")
            await trio.sleep(0.5)
            first = scene.ask("c")
            await trio.sleep(0.010)
            scene.ask("d")
            await trio.sleep(0.005)
            first.cancel()
            await trio.sleep(1)
            nursery.cancel_scope.cancel()
    assert classifier.starts == pytest.approx([0.0, 0.53])
    assert classifier.asked[1] == ["d"]


async def test_a_cancelled_request_is_gone_when_its_scope_has_unwound(autojump_clock: MockClock) -> None:
    classifier = Scripted(step_s=1.0)
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            scene = await stage(nursery, classifier)
            running = scene.ask("running")
            await wait_all_tasks_blocked()
            with trio.CancelScope() as scope:
                nursery.start_soon(_cancel_later, scope)
                await scene.router.decide("waiting", PATIENCE_S)
            assert (scene.router.stats().queued, scene.router.stats().running) == (0, 1)
            running.cancel()
            await wait_all_tasks_blocked()
            assert scene.router.stats().running == 0
            await trio.sleep(5)
            nursery.cancel_scope.cancel()
    assert classifier.asked == [["running"]]
    assert scene.answers == {}
    assert scene.router.stats().withdrawn == 2


async def _cancel_later(scope: trio.CancelScope) -> None:
    await wait_all_tasks_blocked()
    scope.cancel()


async def test_a_late_decision_is_no_and_its_result_is_dropped(autojump_clock: MockClock) -> None:
    classifier = Scripted(step_s=1.0, answer=lambda texts: [1.0] * len(texts))
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            scene = await stage(nursery, classifier)
            scene.ask("running", timeout_s=0.5)
            await wait_all_tasks_blocked()
            scene.ask("waiting", timeout_s=0.25)
            await trio.sleep(5)
            nursery.cancel_scope.cancel()
    assert scene.answers == {"running": Decision(False, None), "waiting": Decision(False, None)}
    assert classifier.asked == [["running"]]
    stats = scene.router.stats()
    assert stats.errors == {"timeout": 2}
    assert (stats.yes, stats.no, stats.queued, stats.running) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (failing(TurnFailed("out of memory")), RoutingError.INFERENCE_FAILED),
        (lambda texts: [0.9] * (len(texts) + 1), RoutingError.WRONG_RESULT_COUNT),
        (lambda texts: [], RoutingError.WRONG_RESULT_COUNT),
        (lambda texts: [math.nan] * len(texts), RoutingError.INVALID_SCORE),
        (lambda texts: [1.5] * len(texts), RoutingError.INVALID_SCORE),
    ],
)
async def test_a_failed_inference_is_a_no_and_the_next_one_works(
    answer: Callable[[Sequence[str]], Sequence[float]], kind: RoutingError, autojump_clock: MockClock
) -> None:
    classifier = Scripted(answer=answer)
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            scene = await stage(nursery, classifier)
            scene.ask("a")
            scene.ask("b")
            await trio.sleep(1)
            assert scene.answers == {"a": Decision(False, None), "b": Decision(False, None)}
            classifier.answer = lambda texts: [0.7] * len(texts)
            assert await scene.router.decide("c", PATIENCE_S) == Decision(True, 0.7)
            nursery.cancel_scope.cancel()
    assert scene.router.stats().errors == {kind.value: 2}


async def test_a_score_that_is_invalid_does_not_spoil_its_batch(autojump_clock: MockClock) -> None:
    classifier = Scripted(answer=lambda texts: [math.nan if text == "a" else 0.9 for text in texts])
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            scene = await stage(nursery, classifier)
            scene.ask("a")
            scene.ask("b")
            await trio.sleep(1)
            nursery.cancel_scope.cancel()
    assert scene.answers == {"a": Decision(False, None), "b": Decision(True, 0.9)}


@pytest.mark.parametrize(("score", "yes"), [(0.66, True), (0.6599, False), (1.0, True), (0.0, False)])
async def test_yes_is_a_probability_of_the_threshold_or_more(
    score: float, yes: bool, autojump_clock: MockClock
) -> None:
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            scene = await stage(nursery, Scripted(answer=lambda texts: [score] * len(texts)))
            assert await scene.router.decide("x", PATIENCE_S) == Decision(yes, score)
            nursery.cancel_scope.cancel()
    assert (scene.router.stats().yes, scene.router.stats().no) == (int(yes), int(not yes))


async def test_without_a_worker_every_decision_is_no_at_once(autojump_clock: MockClock) -> None:
    router = RouterActor()
    with trio.fail_after(60):
        assert await router.decide("x", PATIENCE_S) == Decision(False, None)
    assert trio.current_time() == 0.0
    assert router.stats().errors == {"worker_down": 1}
    assert not router.stats().up


@pytest.mark.parametrize(
    ("step_s", "answer", "error"),
    [(0.1, failing(EngineDead("gone")), EngineDead), (math.inf, score_of, EngineHung)],
)
async def test_a_dead_or_hung_worker_answers_everyone_and_another_can_take_over(
    step_s: float,
    answer: Callable[[Sequence[str]], Sequence[float]],
    error: type[EngineError],
    autojump_clock: MockClock,
) -> None:
    router = RouterActor()
    with trio.fail_after(600):
        async with trio.open_nursery() as nursery:
            scene = Stage(router, nursery)
            scene.ask("early", timeout_s=100)  # before there is a worker
            await wait_all_tasks_blocked()
            nursery.start_soon(_serve_until, error, router, Scripted(step_s, answer))
            await wait_all_tasks_blocked()
            scene.ask("running", timeout_s=100)
            await wait_all_tasks_blocked()
            scene.ask("waiting", timeout_s=100)
            await trio.sleep(50)
            assert scene.answers == dict.fromkeys(("early", "running", "waiting"), Decision(False, None))
            stats = router.stats()
            assert stats.errors == {"worker_down": 3}
            assert (stats.up, stats.queued, stats.running) == (False, 0, 0)
            await nursery.start(router.run, Scripted(answer=lambda texts: [0.9] * len(texts)), PAIRS)
            assert await router.decide("again", PATIENCE_S) == Decision(True, 0.9)
            nursery.cancel_scope.cancel()


async def _serve_until(error: type[EngineError], router: RouterActor, classifier: Scripted) -> None:
    with pytest.raises(error):
        await router.run(classifier, PAIRS)


async def test_a_thousand_barge_ins_leave_nothing_queued_or_running(autojump_clock: MockClock) -> None:
    classifier = Scripted(step_s=0.05)
    with trio.fail_after(3600):
        async with trio.open_nursery() as nursery:
            scene = await stage(nursery, classifier, Batching(5, 0.015))
            scopes: list[trio.CancelScope] = []
            for number in range(1000):
                scopes.append(scene.ask(f"turn {number}"))
                await trio.sleep(0.001 * (number % 7))
                if number % 10:
                    scopes[-1].cancel()
            for scope in scopes:
                scope.cancel()
            await wait_all_tasks_blocked()
            stats = scene.router.stats()
            assert (stats.queued, stats.running) == (0, 0)
            assert stats.yes + stats.no + stats.withdrawn == 1000
            assert stats.errors == {}
            nursery.cancel_scope.cancel()


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
    classifier = check_protocol(scripted := Scripted(load.step_s))

    async def ask(number: int, arrival: Arrival) -> None:
        await trio.sleep(arrival.at / 1000)
        outcome.decisions[number] = None
        with trio.move_on_after(math.inf if arrival.cancelled_after is None else arrival.cancelled_after / 1000):
            timeout_s = PATIENCE_S if arrival.timeout is None else arrival.timeout / 1000
            outcome.decisions[number] = await router.decide(str(number), timeout_s)

    async def main() -> None:
        with trio.fail_after(3600):
            async with trio.open_nursery() as serving:
                await serving.start(router.run, classifier, load.batching)
                async with trio.open_nursery() as nursery:
                    for number, arrival in enumerate(load.arrivals):
                        nursery.start_soon(ask, number, arrival)
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
