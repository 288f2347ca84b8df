"""Clients that read slowly or not at all: they get what is theirs or are dropped, and nobody waits for them."""

import math
from typing import Any, ClassVar

import pytest
import trio
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import rule
from trio.testing import MockClock

from tests.client import Client
from tests.conversations import WHO, Conversations
from tests.harness import open_world
from tests.referee import Mode

PATIENCE_S = 3600
LONG = tuple(f"word{number} " for number in range(140))


async def read_slowly(client: Client, every_s: float) -> None:
    while not client.over.is_set() or client.unread:
        await trio.sleep(every_s)
        client.read(1)


async def test_one_frame_every_fifteen_seconds_is_enough_to_get_the_whole_reply(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        world.voice.tokens = LONG
        client, _ = world.connect(Client(reads=False, window_bytes=300))
        with trio.fail_after(PATIENCE_S):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(read_slowly, client, 15)
                turn = client.start()
                await client.end_of(turn)
                client.hang_up()
        assert client.referee.turns[turn].text == "".join(LONG)
        assert len([frame for frame in client.frames if frame["type"] == "token"]) < 10  # text that waits is merged


async def test_one_frame_a_minute_is_too_slow_once_the_network_is_full(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        world.voice.tokens = LONG
        client, _ = world.connect(Client(reads=False, window_bytes=300))
        with trio.fail_after(PATIENCE_S):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(read_slowly, client, 60)
                client.start()
                await client.over.wait()
        assert client.closed == (1013, "slow_consumer")


async def test_one_frame_a_minute_is_fine_while_the_network_has_room(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        client, _ = world.connect(Client(reads=False, window_bytes=65536))
        with trio.fail_after(PATIENCE_S):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(read_slowly, client, 60)
                await client.end_of(client.start())
                client.hang_up()
        client.referee.settled()


async def test_a_client_that_reads_nothing_is_dropped_and_its_turn_aborted(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        world.voice.tokens = LONG * 20
        client, _ = world.connect(Client(reads=False, window_bytes=300))
        with trio.fail_after(PATIENCE_S):
            started_at = trio.current_time()
            client.start()
            await client.over.wait()
            assert client.closed == (1013, "slow_consumer")
            assert 20 <= trio.current_time() - started_at < 20 + 2.5  # it does not answer the close either
            await world.check_quiet()


async def test_an_outbox_that_overflows_aborts_the_turn_at_once(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        world.voice.tokens = ("x" * 500,) * 100
        client, connection = world.connect(Client(reads=False, window_bytes=300), outbox_bytes=5000)
        with trio.fail_after(PATIENCE_S):
            client.start()
            while not connection.outbox.overflowed:
                assert connection.outbox.size <= 5000
                await trio.sleep(0.01)
            assert world.engine.stats().aborts["slow_consumer"] == 1
            assert world.engine.running == 0
            await client.over.wait()
            assert client.closed == (1013, "slow_consumer")
            await world.check_quiet()


@pytest.mark.parametrize("mode", [Mode.CHAT, Mode.BOTH])
@pytest.mark.parametrize("tokens", [("x" * 2000,) * 20, ("\x01" * 700,) * 20, ("a ",) * 140])
async def test_a_client_that_reads_gets_a_reply_that_is_longer_than_the_outbox(
    tokens: tuple[str, ...], mode: Mode, autojump_clock: MockClock
) -> None:
    async with open_world(mode) as world:
        world.voice.tokens = tokens
        world.router.delay_s = 1.0  # the whole reply is held until then
        client, _ = world.connect(outbox_bytes=4096)
        with trio.fail_after(PATIENCE_S):
            await client.end_of(client.start())
            turn = client.say("message", user_utterance="go on")
            assert (await client.end_of(turn))["type"] == "done"
            assert {account.final for account in client.referee.turns.values()} == {"".join(tokens)}
        assert client.closed is None


async def test_a_barge_in_drops_the_unsent_text_and_stores_what_was_sent(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        world.voice.tokens = LONG
        client, connection = world.connect(Client(reads=False, window_bytes=300))
        with trio.fail_after(PATIENCE_S):
            first = client.start()
            await trio.sleep(1.5)
            said_at = trio.current_time()
            second = client.say("message", user_utterance="wait")
            await trio.testing.wait_all_tasks_blocked()
            assert trio.current_time() == said_at
            assert world.engine.stats().aborts["barge_in"] == 1  # neither the engine nor the new turn waits for reading
            async with trio.open_nursery() as nursery:
                nursery.start_soon(read_slowly, client, 1)
                await client.end_of(second)
                client.hang_up()
        heard = client.referee.turns[first].text
        assert 0 < len(heard) < len("".join(LONG[:70]))
        stored = [message for message in connection.actor.memory.history.messages if message.role == "assistant"]
        assert (stored[0].text, stored[0].interrupted) == (heard, True)


@pytest.mark.parametrize("neighbours", [0, 5])
async def test_nobody_waits_for_a_client_that_does_not_read(neighbours: int, autojump_clock: MockClock) -> None:
    async with open_world() as world:
        world.voice.tokens = LONG
        stuck = [world.connect(Client(reads=False, window_bytes=300))[0] for _ in range(neighbours)]
        for client in stuck:
            client.start()
        await trio.sleep(1)
        client, _ = world.connect()
        with trio.fail_after(PATIENCE_S):
            begun_at = trio.current_time()
            await client.end_of(client.start())
        assert client.times[0] == begun_at
        assert client.times[-1] - begun_at <= 0.02 * (len(LONG) + 1)


async def test_pings_of_a_client_that_does_not_read_are_taken_in(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        client, connection = world.connect(Client(reads=False, window_bytes=0))
        with trio.fail_after(PATIENCE_S):
            for _ in range(100):
                client.say("ping")
            await trio.testing.wait_all_tasks_blocked()
            assert not client._spoken
            client.read()
            await trio.testing.wait_all_tasks_blocked()
            client.read()
            client.referee.settled()
            assert connection.outbox.size == 0


class SlowConversations(Conversations):
    """The same with clients that read when a rule says so, over a network that holds next to nothing."""

    habits: ClassVar[dict[str, Any]] = {"reads": False, "window_bytes": 400, "send_timeout_s": math.inf}

    @rule(who=WHO, count=st.integers(1, 4))
    def reads_some(self, who: int, count: int) -> None:
        self.parties[who][0].read(count)


SlowConversations.TestCase.settings = settings(
    max_examples=settings().max_examples // 2, stateful_step_count=30, deadline=None
)
TestSlowConversations = SlowConversations.TestCase
