"""The router's actor in virtual time, with a classifier that does what a script says."""

import math
from collections.abc import Callable, Sequence

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from actors.router import Decision, RouterActor, RoutingError
from engines.classifier import Batching
from engines.errors import EngineDead, EngineError, EngineHung, TurnFailed
from tests.actors.routing_stage import PAIRS, PATIENCE_S, TRIPLES, Scripted, failing, idle_stage, score_of, stage


async def test_a_lone_request_does_not_wait_for_companions(autojump_clock: MockClock) -> None:
    classifier = Scripted()
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            scene = await stage(nursery, classifier)
            for number in range(3):
                await scene.decide(f"alone {number}", PATIENCE_S)
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


async def test_a_cancelled_request_is_gone_in_the_turn_after_its_scope_has_unwound(
    autojump_clock: MockClock,
) -> None:
    classifier = Scripted(step_s=1.0)
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            scene = await stage(nursery, classifier)
            running = scene.ask("running")
            await wait_all_tasks_blocked()
            with trio.CancelScope() as scope:
                nursery.start_soon(_cancel_later, scope)
                await scene.decide("waiting", PATIENCE_S)
            await wait_all_tasks_blocked()
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
            assert await scene.decide("c", PATIENCE_S) == Decision(True, 0.7)
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
            assert await scene.decide("x", PATIENCE_S) == Decision(yes, score)
            nursery.cancel_scope.cancel()
    assert (scene.router.stats().yes, scene.router.stats().no) == (int(yes), int(not yes))


async def test_without_a_worker_every_decision_is_no_at_once(autojump_clock: MockClock) -> None:
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            scene = idle_stage(nursery)
            assert await scene.decide("x") == Decision(False, None)
            nursery.cancel_scope.cancel()
    assert trio.current_time() == 0.0
    assert scene.router.stats().errors == {"worker_down": 1}
    assert not scene.router.stats().up


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
    with trio.fail_after(600):
        async with trio.open_nursery() as nursery:
            scene = idle_stage(nursery)
            router = scene.router
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
            await nursery.start(router.serve, Scripted(answer=lambda texts: [0.9] * len(texts)), PAIRS)
            assert await scene.decide("again") == Decision(True, 0.9)
            nursery.cancel_scope.cancel()


async def _serve_until(error: type[EngineError], router: RouterActor, classifier: Scripted) -> None:
    with pytest.raises(error):
        await router.serve(classifier, PAIRS)


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


class Photograph(trio.abc.Instrument):
    """Answers the one question that is being read in the last moment: when its asker has just run out of time."""

    def __init__(self, router: RouterActor, answer: float) -> None:
        self.router, self.answer = router, answer

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        """An asker whose deadline is over wakes up."""
        if "_ask" in task.name and trio.current_time() >= PATIENCE_S and self.router._running:
            self.router._answer(self.router._running[0], self.answer)


async def test_an_answer_in_the_scheduler_turn_of_the_deadline_is_in_time(autojump_clock: MockClock) -> None:
    async with trio.open_nursery() as nursery:
        scene = await stage(nursery, Scripted(step_s=2 * PATIENCE_S))
        trio.lowlevel.add_instrument(Photograph(scene.router, 0.9))
        scene.ask("close call", PATIENCE_S)
        await trio.sleep(PATIENCE_S + 1)
        nursery.cancel_scope.cancel()
    assert scene.answers == {"close call": Decision(yes=True, score=0.9)}
    stats = scene.router.stats()
    assert (stats.yes, stats.errors) == (1, {})
