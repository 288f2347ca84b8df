"""Ends that cross: what comes right behind a complete reply does not change what it is."""

from collections.abc import Callable

import pytest
import trio
from attrs import define, evolve
from trio.testing import MockClock

from actors.router import Decision
from actors.session import events as ev
from engines.base import Delta, Failed, Finished, FinishReason, Output, Usage
from engines.errors import EngineDead, TurnFailed
from engines.scripted import Script
from protocol.frames import Address
from tests.client import Client
from tests.harness import WORDS, World, open_world
from tests.referee import Message, Mode

PATIENCE_S = 600
ERROR = EngineDead("gone")
Deed = Callable[[World, str], None]
SLOW = Script(step_s=5)
"""An engine that says nothing before the test has said it."""


def say(world: World, name: str, *outputs: Output) -> None:
    world.engine.deliver([(name, output) for output in outputs])


def dies(world: World, _name: str) -> None:
    world.engine.detach(ERROR)


def hangs(world: World, name: str) -> None:
    say(world, name, Failed(ERROR))
    world.engine.detach(ERROR)


def fails(world: World, name: str) -> None:
    say(world, name, Failed(TurnFailed("broken")))


def finishes(world: World, name: str) -> None:
    say(world, name, Finished(FinishReason.LENGTH, Usage(10, 150)))


def nothing(_world: World, _name: str) -> None:
    """The engine would go on."""


async def submitted(world: World, client: Client) -> tuple[str, str]:
    """The turn's id and the engine's, once the engine has a turn's request."""
    world.scripted.submitted.clear()
    turn = client.start()
    while not world.scripted.submitted:
        await trio.lowlevel.checkpoint()
    return turn, world.scripted.submitted[-1].id


def ending(end: Message) -> tuple[str, str]:
    """A terminal frame and its reason."""
    payload = end["payload"]
    return end["type"], payload["details"]["reason_code"] if end["type"] == "error" else payload["finish_reason"]


async def ended_by(deed: Deed, *deltas: Delta, mode: Mode = Mode.CHAT) -> tuple[Message, str]:
    """The terminal frame of a turn of which the engine says this and then that, in one scheduler turn; its text."""
    async with open_world(mode, script=SLOW) as world:
        client, _ = world.connect()
        with trio.fail_after(PATIENCE_S):
            turn, name = await submitted(world, client)
            say(world, name, *deltas)
            deed(world, name)
            return await client.end_of(turn), client.referee.turns[turn].text


DEEDS = [dies, hangs, fails, finishes, nothing]


@pytest.mark.parametrize("mode", [Mode.CHAT, Mode.BOTH])
@pytest.mark.parametrize("deed", DEEDS)
async def test_a_reply_that_a_stop_string_ended_is_done(deed: Deed, mode: Mode, autojump_clock: MockClock) -> None:
    end, text = await ended_by(deed, Delta("Hello<|im_", 1), Delta("end|and more", 1), mode=mode)
    assert (ending(end), text) == (("done", "stop"), "Hello")


@pytest.mark.parametrize("deed", DEEDS)
async def test_a_stop_string_in_the_last_allowed_token_is_a_stop(deed: Deed, autojump_clock: MockClock) -> None:
    end, text = await ended_by(deed, Delta("Hello", 149), Delta("<|im_end|", 1))
    assert (ending(end), text) == (("done", "stop"), "Hello")


@pytest.mark.parametrize("deed", DEEDS)
async def test_a_stop_string_at_the_very_beginning_leaves_nothing_to_say(deed: Deed, autojump_clock: MockClock) -> None:
    end, _ = await ended_by(deed, Delta("<|im_end|", 1))
    assert ending(end) == ("error", "empty_model_output")


@pytest.mark.parametrize("deed", [dies, hangs, fails, finishes])
async def test_a_reply_of_all_the_tokens_it_may_have_is_done(deed: Deed, autojump_clock: MockClock) -> None:
    end, text = await ended_by(deed, Delta("Hello", 149), Delta(" <|im", 1))
    assert (ending(end), text) == (("done", "length"), "Hello <|im")


@pytest.mark.parametrize("deed", [dies, hangs, fails])
async def test_a_reply_that_could_have_gone_on_is_an_engine_error(deed: Deed, autojump_clock: MockClock) -> None:
    end, text = await ended_by(deed, Delta("Hello", 148))
    assert (ending(end), text) == (("error", "engine_error"), "Hello")


async def test_an_engine_that_dies_behind_its_own_last_word_has_finished(autojump_clock: MockClock) -> None:
    def finishes_and_dies(world: World, name: str) -> None:
        finishes(world, name)
        dies(world, name)

    end, _ = await ended_by(finishes_and_dies, Delta("Hello", 1))
    assert ending(end) == ("done", "length")


@define(eq=False)
class LastMoment(trio.abc.Instrument):
    """Does its deed when the task of a turn wakes up at its deadline, before that task looks."""

    deed: Callable[[], None]
    at: float
    done: bool = False

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        if not self.done and task.name.startswith("turn") and trio.current_time() >= self.at:
            self.done = True
            self.deed()


@pytest.mark.parametrize(("last", "end"), [("<|im_end|", ("done", "stop")), (" there", ("done", "length"))])
async def test_the_deadline_does_not_beat_what_came_with_it(
    last: str, end: tuple[str, str], autojump_clock: MockClock
) -> None:
    async with open_world(script=SLOW, site=lambda site: evolve(site, generation_timeout_s=2)) as world:
        client, _ = world.connect()
        with trio.fail_after(PATIENCE_S):
            turn, name = await submitted(world, client)
            say(world, name, Delta("Hello", 149))
            at = trio.current_time() + world.site.generation_timeout_s
            trio.lowlevel.add_instrument(LastMoment(lambda: say(world, name, Delta(last, 1)), at))
            assert ending(await client.end_of(turn)) == end


async def test_a_cancel_that_crosses_the_engines_last_word_gets_its_one_answer(autojump_clock: MockClock) -> None:
    async with open_world(script=SLOW) as world:
        client, _ = world.connect()
        with trio.fail_after(PATIENCE_S):
            turn, name = await submitted(world, client)
            say(world, name, Delta("Hello", 1))
            await client.next("token", turn)
            finishes(world, name)
            cancel = client.say("cancel")
            end = await client.end_of(turn)
            await client.next("cancelled", cancel)
            assert (end["type"], end["request_id"]) in (("done", turn), ("cancelled", cancel))
            client.referee.settled()


async def test_a_turn_that_is_stopped_in_the_moment_of_its_decision_asks_the_engine_for_nothing_more(
    autojump_clock: MockClock,
) -> None:
    async with open_world(Mode.BOTH, script=SLOW) as world:
        client, connection = world.connect()

        @define
        class Rude:
            """Decides in the scheduler turn in which the turn is cancelled."""

            async def decide(self, text: str, timeout_s: float) -> Decision:
                await trio.lowlevel.checkpoint()
                cancel = ev.CancelRequested(session_id="s", request_id="c", reason="enough", used=False)
                connection.actor.inbox.deliver(cancel)
                return Decision(yes=True, score=0.9)

        connection.actor.router = Rude()
        client.referee.said("cancel", "c")
        with trio.fail_after(PATIENCE_S):
            turn, _ = await submitted(world, client)
            assert (await client.end_of(turn))["type"] == "cancelled"
            await connection.actor.wait_settled()
            assert len(world.scripted.submitted) == 1
            assert world.engine.stats().aborts == {"client_cancel": 1, "internal": 1}  # the latter is the warm-up's
            assert world.engine.idle


class Fragile:
    """A cleaner with a bug at its very end."""

    def push(self, delta: str) -> str:
        return delta

    def flush(self) -> str:
        raise RuntimeError("a bug of ours, on purpose")


async def test_a_crash_while_a_turn_is_concluded_still_owes_it_its_terminal_frame(autojump_clock: MockClock) -> None:
    async with open_world(script=SLOW) as world:
        world.cleaner = lambda _profile: Fragile()
        client, connection = world.connect()
        with trio.fail_after(PATIENCE_S):
            turn = client.start(sampling={})
            await client.over.wait()
        world.crashes.clear()
        owed = connection.unfinished()
        assert owed is not None
        assert owed[0] == Address("s", turn)
        assert owed[1].completion_tokens == len(WORDS)
