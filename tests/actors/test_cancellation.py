"""Cancelled at every step of a conversation, a connection leaves nothing behind; nor does one whose client hangs.

A conversation is played once to count the scheduler steps of its tasks; then it is played again for each of them, and
at that step its connection is cancelled from outside, as a shutdown or a crash elsewhere would do.
"""

import json
from collections.abc import Awaitable, Callable

import pytest
import trio
from attrs import define, field
from trio.testing import MockClock

from actors.router import Decision
from tests.client import Client
from tests.harness import ScriptedRouter, World, open_world
from tests.referee import Mode

PATIENCE_S = 600
Talk = Callable[[Client], Awaitable[object]]


@define(eq=False)
class Guillotine(trio.abc.Instrument):
    """Calls `blade` before the step number `at` (from 1) of a task whose name is one of a connection's."""

    at: int
    blade: Callable[[], None]
    steps: int = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        """Count, and cut."""
        name = task.name
        if name in ("session", "reader", "idle watch") or "_converse" in name or name.startswith(("turn", "cancel of")):
            self.steps += 1
            if self.steps == self.at:
                self.blade()


async def a_turn(client: Client) -> None:
    await client.end_of(client.start())


async def a_cancel(client: Client) -> None:
    client.start()
    await client.next("token")
    await client.next("cancelled", client.say("cancel"))


async def a_barge_in(client: Client) -> None:
    client.start()
    await client.next("ack")
    await client.end_of(client.say("message", user_utterance="wait"))


async def an_early_cancel_of_a_parked_turn(client: Client) -> None:
    client.start()
    client.say("message", user_utterance="wait")
    client.say("message", user_utterance="no, that")
    await client.next("cancelled", client.say("cancel"))


async def a_goodbye(client: Client) -> None:
    client.start()
    await client.next("ack")
    client.say("ping")
    client.say("end")
    await client.over.wait()


async def a_refusal(client: Client) -> None:
    client.say("start")
    await client.over.wait()


async def play(world: World, talk: Talk, at: int) -> int:
    """The talk, cut at a step; how many steps there were."""
    scope = trio.CancelScope()
    guillotine = Guillotine(at, scope.cancel)
    client, connection = world.prepare()
    trio.lowlevel.add_instrument(guillotine)
    try:
        with scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(world.converse, connection, client)
                await talk(client)
                client.hang_up()
    finally:
        trio.lowlevel.remove_instrument(guillotine)
    return guillotine.steps


@pytest.mark.parametrize(
    "talk",
    [a_turn, a_cancel, a_barge_in, an_early_cancel_of_a_parked_turn, a_goodbye, a_refusal],
    ids=lambda talk: talk.__name__,
)
@pytest.mark.parametrize("mode", [Mode.CHAT, Mode.BOTH], ids=["chat", "both"])
async def test_cancelled_at_any_step_nothing_is_left(mode: Mode, talk: Talk, autojump_clock: MockClock) -> None:
    async with open_world(mode) as world:
        world.router.yes = True
        with trio.fail_after(PATIENCE_S):
            steps = await play(world, talk, at=0)
            await world.check_quiet()
            assert steps > 5
            for at in range(1, steps + 1):
                await play(world, talk, at)
                await world.check_quiet()
            last, _ = world.connect()
            await last.end_of(last.start())
            last.referee.settled()
            last.hang_up()
            await last.over.wait()
            await world.check_quiet()


@pytest.mark.parametrize("mode", [Mode.CHAT, Mode.BOTH, Mode.TOOL], ids=["chat", "both", "tool"])
async def test_a_cancel_at_any_moment_gets_one_answer_and_leaves_the_session_usable(
    mode: Mode, autojump_clock: MockClock
) -> None:
    async with open_world(mode) as world:
        world.router.delay_s = 0.03
        with trio.fail_after(PATIENCE_S):
            for wait in range(30):
                client, _ = world.connect()
                client.start()
                await trio.sleep(wait * 0.007)
                await client.next("cancelled", client.say("cancel"))
                await client.end_of(client.say("message", user_utterance="again"))
                client.referee.settled()
                client.hang_up()
                await client.over.wait()
                await world.check_quiet()


@define(eq=False)
class Latecomer(trio.abc.Instrument):
    """Knocks when a turn's task has ended, before the session's own task learns of it."""

    knock: Callable[[], None]
    raised: list[BaseException] = field(factory=list)

    def task_exited(self, task: trio.lowlevel.Task) -> None:
        """Knock."""
        if task.name.startswith("turn"):
            try:
                self.knock()
            except BaseException as error:  # trio would log it and go on
                self.raised.append(error)


async def test_a_frame_read_while_the_connection_is_cancelled_starts_nothing(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        client, connection = world.prepare()
        frame = {"type": "message", "session_id": "s", "request_id": "late", "payload": {"user_utterance": "wait"}}
        scope = trio.CancelScope()

        async def converse() -> None:
            with scope:
                await world.converse(connection, client)

        with trio.fail_after(PATIENCE_S):
            world.nursery.start_soon(converse)
            client.start()
            await client.next("ack")
            client.referee.said("message", "late")
            event = connection.gate.read(json.dumps(frame), trio.current_time())
            assert event is not None
            latecomer = Latecomer(lambda: connection.actor.inbox.deliver(event))
            trio.lowlevel.add_instrument(latecomer)
            scope.cancel("from outside")
            await client.over.wait()
            trio.lowlevel.remove_instrument(latecomer)
            assert not latecomer.raised
            await world.check_quiet()


async def test_a_cancel_reaches_the_engine_in_the_turn_in_which_it_was_read(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        world.voice.tokens = ("word ",) * 100
        client, _ = world.connect()
        with trio.fail_after(PATIENCE_S):
            client.start()
            await client.next("token")
            said_at = trio.current_time()
            client.say("cancel")
            await trio.testing.wait_all_tasks_blocked()
        assert len(world.scripted.aborted) == 2  # one of them the warm-up's
        assert client.kinds()[-1] == "cancelled"
        assert client.times[-1] == said_at


async def test_an_engine_that_ignores_an_abort_does_not_keep_the_client_waiting(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        world.voice.tokens = ("word ",) * 100
        client, _ = world.connect()
        with trio.fail_after(PATIENCE_S):
            client.start()
            await client.next("token")
            world.scripted.stalled = True
            said_at = trio.current_time()
            await client.next("cancelled", client.say("cancel"))
            assert client.times[-1] == said_at
            while len(world.engines) == 1:
                await trio.sleep(0.5)
            assert trio.current_time() - said_at < 5 + 0.25 + 1 + 1  # grace, watch, back-off
            while world.health.reason():
                await trio.sleep(0.5)
            await client.end_of(client.say("message", user_utterance="are you back?"))
        assert client.kinds()[-1] == "done"


async def test_a_turn_that_cannot_be_stopped_ends_the_connection_after_the_grace(autojump_clock: MockClock) -> None:
    async with open_world(Mode.BOTH) as world:
        world.router = Deaf()
        client, _ = world.connect()
        with trio.fail_after(PATIENCE_S):
            client.start()
            await trio.sleep(0.1)
            parked = client.say("message", user_utterance="hello?")
            await client.over.wait()
        assert not world.crashes
        assert client.kinds() == ["ack", "cancelled", "ack", "cancelled", "error"]
        assert client.frames[-2]["request_id"] == parked
        assert client.reason_codes() == ["internal_exception"]
        assert client.closed == (1011, "internal_error")
        client.referee.settled()


class Deaf(ScriptedRouter):
    """A router that does not stop when it is told to."""

    async def decide(self, text: str, timeout_s: float) -> Decision:
        """Take ten seconds of it, whatever happens."""
        with trio.CancelScope(shield=True):
            await trio.sleep(10)
        return await super().decide(text, timeout_s)
