"""Questions, withdrawals and decisions that cross on their way to the router's actor and back."""

import trio
from attrs import evolve
from trio.testing import MockClock, wait_all_tasks_blocked

from actors.router import Decision
from engines.classifier import Batching
from tests.actors.routing_stage import PATIENCE_S, TRIPLES, Scripted, Stage, score_of, stage


async def test_a_question_withdrawn_while_it_is_read_is_answered_to_nobody_and_counted_once(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    classifier = Scripted(step_s=1.0)
    scene = await stage(nursery, classifier)
    scope = scene.ask("going")
    scene.ask("staying")
    await wait_all_tasks_blocked()
    scope.cancel()
    await trio.sleep(2)
    stats = scene.router.stats()
    assert scene.answers == {"staying": Decision(score_of("staying") >= scene.router.threshold, score_of("staying"))}
    assert (stats.withdrawn, stats.yes + stats.no, stats.queued, stats.running) == (1, 1, 0, 0)
    assert not scene.router._open


class Crossing(trio.abc.Instrument):
    """Cancels an asker in the scheduler turn in which its decision was sent to it."""

    def __init__(self, scene: Stage, scope: trio.CancelScope) -> None:
        self.scene, self.scope = scene, scope

    def task_scheduled(self, task: trio.lowlevel.Task) -> None:
        """The asker has been woken."""
        if "_ask" in task.name and self.scene.router.stats().batches:
            self.scope.cancel()


async def test_a_decision_that_crosses_a_cancel_is_counted_once(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    scene = await stage(nursery, Scripted(step_s=1.0))
    scope = scene.ask("crossing")
    crossing = Crossing(scene, scope)
    trio.lowlevel.add_instrument(crossing)
    await trio.sleep(2)
    trio.lowlevel.remove_instrument(crossing)
    stats = scene.router.stats()
    assert stats.yes + stats.no + stats.withdrawn == 1
    assert not scene.router._open


async def test_a_thousand_deadlines_that_race_their_decisions_are_counted_once_each(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    scene = await stage(nursery, Scripted(step_s=0.05), Batching(1000, 0.0))
    scene.ask("first")
    await trio.sleep(0.01)
    for number in range(1000):
        scene.ask(f"turn {number}", timeout_s=0.09 if number % 2 else 0.09 + number * 1e-9)
    await trio.sleep(PATIENCE_S)
    stats = scene.router.stats()
    assert stats.yes + stats.no + stats.errors.get("timeout", 0) == 1001
    assert len(scene.answers) == 1001
    assert (stats.queued, stats.running, len(scene.router._open)) == (0, 0, 0)


async def test_what_is_asked_in_the_turn_in_which_an_inference_ends_shares_the_next_batch(
    autojump_clock: MockClock,
) -> None:
    for _ in range(20):  # in which order trio runs the tasks of a turn is a matter of chance
        classifier = Scripted(step_s=0.1)
        async with trio.open_nursery() as inner:
            scene = await stage(inner, classifier, evolve(TRIPLES, max_delay_s=0.0))
            end = trio.current_time() + 0.1
            scene.ask("before")
            await wait_all_tasks_blocked()
            scene.ask("x")  # waits already
            inner.start_soon(ask_at, scene, end, "y")
            inner.start_soon(ask_at, scene, end, "z")
            await trio.sleep(1)
            inner.cancel_scope.cancel()
        assert list(map(set, classifier.asked)) == [{"before"}, {"x", "y", "z"}]


async def ask_at(scene: Stage, moment: float, text: str) -> None:
    await trio.sleep_until(moment)
    await scene.decide(text)


async def test_askers_leave_no_open_end_of_the_mailbox(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    scene = await stage(nursery, Scripted())
    await scene.decide("one")
    await scene.decide("late", timeout_s=0.01)
    await wait_all_tasks_blocked()
    ends = scene.router.mailbox.statistics()
    assert (ends.open_send_channels, ends.current_buffer_used) == (1, 0)
