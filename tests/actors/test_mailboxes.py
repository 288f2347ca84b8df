"""Sessions and the engine's actor, in messages: what holds whatever crosses on the way."""

from typing import Any, cast

import pytest
import trio
from attrs import define, evolve
from trio.testing import MockClock, wait_all_tasks_blocked

from actors.engine import EngineActor, EngineLimits, EngineState
from actors.router import Decision
from engines.scripted import Script
from tests.actors.test_cancellation import Guillotine
from tests.client import Client
from tests.harness import ScriptedRouter, World, open_world
from tests.referee import Message, Mode

PATIENCE_S = 600
FULL = EngineLimits(max_queued=0)
ALONE = Script(max_running=1)


def reason(end: Message) -> str:
    """Of a terminal frame."""
    payload = end["payload"]
    return str(payload["details"]["reason_code"] if end["type"] == "error" else payload.get("finish_reason"))


async def leaves(world: World, client: Client) -> None:
    client.referee.settled()
    client.hang_up()
    await client.over.wait()
    await world.check_quiet()


@pytest.mark.parametrize("mode", [Mode.CHAT, Mode.BOTH])
async def test_a_barge_in_on_a_full_engine_is_served_on_the_place_of_the_turn_it_interrupts(
    mode: Mode, autojump_clock: MockClock
) -> None:
    async with open_world(mode, script=ALONE, limits=FULL) as world:
        world.voice.tokens = ("word ",) * 100
        client, _ = world.connect()
        with trio.fail_after(PATIENCE_S):
            client.start()
            await client.next("token")
            for _ in range(5):
                turn = client.say("message", user_utterance="wait")
                await client.next("token", turn)
            assert (await client.end_of(turn))["type"] == "done"
            assert world.engine.stats().aborts["barge_in"] == 5
            await leaves(world, client)


async def test_the_place_of_a_stopped_turn_is_free_for_another_session_when_it_is_told(
    autojump_clock: MockClock,
) -> None:
    async with open_world(script=ALONE, limits=FULL) as world:
        world.voice.tokens = ("word ",) * 100
        one, _ = world.connect()
        other, _ = world.connect()
        with trio.fail_after(PATIENCE_S):
            one.start()
            await one.next("token")
            assert reason(await other.end_of(other.start())) == "engine_queue_full"
            await one.next("cancelled", one.say("cancel"))
            assert (await other.end_of(other.start("now")))["type"] == "done"
            one.hang_up()
            await leaves(world, other)


@define(eq=False)
class Slow:
    """A router that decides when it is told to, with no."""

    go: trio.Event

    async def decide(self, text: str, timeout_s: float) -> Decision:
        """Wait."""
        await self.go.wait()
        return Decision(yes=False, score=0.1)


@pytest.mark.parametrize("restarted", [True, False])
async def test_an_engine_that_is_replaced_between_admission_and_request(
    restarted: bool, autojump_clock: MockClock
) -> None:
    async with open_world(Mode.BOTH, site=lambda site: evolve(site, speculates=False)) as world:
        go = trio.Event()
        world.router = cast(ScriptedRouter, Slow(go))
        client, _ = world.connect()
        with trio.fail_after(PATIENCE_S):
            turn = client.start()
            await client.next("ack")
            await wait_all_tasks_blocked()
            assert world.engine.stats().places == 1
            world.scripted.die()
            await trio.sleep(0.5)
            assert (world.engine.state, world.engine.stats().places) == (EngineState.DOWN, 0)
            while restarted and world.health.reason():
                await trio.sleep(0.1)
            go.set()
            end = await client.end_of(turn)
            assert (end["type"], reason(end)) == (("done", "stop") if restarted else ("error", "engine_unavailable"))
            assert restarted or end["payload"]["details"]["retry_in"] >= 1
            (over,) = world.accounts.ended
            assert len(over.generations) == (1 if restarted else 0), "one that no engine took is none"
            assert (over.queued_s is not None) == restarted
            while world.health.reason():
                await trio.sleep(0.1)
            await leaves(world, client)


async def talks(world: World, at: int) -> tuple[int, Message]:
    """A turn during which the engine dies before the step number `at` of any task of it; the steps, and its end."""
    guillotine = Guillotine(at, world.scripted.die)
    client, _ = world.connect()
    trio.lowlevel.add_instrument(guillotine)
    try:
        end = await client.end_of(client.start())
    finally:
        trio.lowlevel.remove_instrument(guillotine)
    while world.health.reason():
        await trio.sleep(0.1)
    await leaves(world, client)
    return guillotine.steps, end


@pytest.mark.parametrize("yes", [True, False])
@pytest.mark.parametrize("mode", [Mode.CHAT, Mode.BOTH])
async def test_an_engine_that_dies_at_any_step_of_a_turn_ends_it_once_and_leaves_nothing(
    mode: Mode, yes: bool, autojump_clock: MockClock
) -> None:
    steps, at, reasons = 1, 0, set()
    while at <= steps:
        async with open_world(mode) as world:
            world.router.yes = yes
            with trio.fail_after(PATIENCE_S):
                taken, end = await talks(world, at)
                steps = taken if at == 0 else steps
                reasons.add(reason(end))
        at += 1
    assert reasons == {"stop", "engine_error", "engine_unavailable"}


async def test_a_stop_string_stops_the_engine_and_the_turn_is_done(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        world.voice.tokens = ("Hello<|im_", "end|>", *("more ",) * 100)
        client, _ = world.connect()
        with trio.fail_after(PATIENCE_S):
            end = await client.end_of(client.start())
            assert (reason(end), end["payload"]["usage"]["completion_tokens"]) == ("stop", 2)
            await leaves(world, client)
        assert world.engine.stats().aborts["stop_string"] == 1


async def test_a_generation_that_takes_too_long_is_stopped(autojump_clock: MockClock) -> None:
    script = Script(step_s=0.5)
    async with open_world(script=script, site=lambda site: evolve(site, generation_timeout_s=2.2)) as world:
        world.voice.tokens = ("word ",) * 100
        client, _ = world.connect()
        with trio.fail_after(PATIENCE_S):
            turn = client.start()
            end = await client.end_of(turn)
            assert reason(end) == "generation_timeout"
            assert client.referee.turns[turn].text == "word " * end["payload"]["usage"]["completion_tokens"]
            await leaves(world, client)
        assert world.engine.stats().aborts["timeout"] == 1


async def test_a_message_that_the_actor_does_not_know_ends_whoever_runs_it() -> None:
    actor = EngineActor()
    actor.mailbox.send_nowait(cast(Any, "nonsense"))
    with pytest.RaisesGroup(AssertionError), trio.fail_after(5):
        await actor.run()
