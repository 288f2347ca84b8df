"""One connection in virtual time: conversations, the idle watch, hang-ups, a drain."""

import math
from collections.abc import Sequence

import pytest
import trio
from trio.testing import MockClock

from tests.client import Client
from tests.harness import open_world
from tests.referee import Mode

PATIENCE_S = 600


async def test_a_chat_turn_is_ack_tokens_final_done(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        client, _ = world.connect()
        with trio.fail_after(PATIENCE_S):
            done = await client.end_of(client.start())
        assert client.kinds() == ["ack", "token", "final", "done"]
        assert done["payload"]["usage"]["completion_tokens"] == 5
        assert done["payload"]["finish_reason"] == "stop"
        timings = done["payload"]["timings"]
        assert 0 <= timings["queue_ms"] <= timings["ttft_ms"] <= timings["total_ms"]
        client.referee.settled()


@pytest.mark.parametrize("yes", [True, False])
async def test_a_routed_turn_has_its_toolcall_before_its_text(yes: bool, autojump_clock: MockClock) -> None:
    async with open_world(Mode.BOTH) as world:
        world.router.yes = yes
        client, _ = world.connect()
        with trio.fail_after(PATIENCE_S):
            await client.end_of(client.start())
        assert client.kinds() == ["ack", "toolcall", "token", "final", "done"]
        assert (await client.next("toolcall"))["payload"]["status"] == ("yes" if yes else "no")


async def test_a_tool_turn_ends_with_an_empty_final(autojump_clock: MockClock) -> None:
    async with open_world(Mode.TOOL) as world:
        client, _ = world.connect()
        with trio.fail_after(PATIENCE_S):
            done = await client.end_of(client.start())
        assert client.kinds() == ["ack", "toolcall", "final", "done"]
        assert done["payload"]["finish_reason"] == "tool"


async def test_a_router_that_takes_too_long_is_a_no_without_a_score(autojump_clock: MockClock) -> None:
    async with open_world(Mode.BOTH) as world:
        world.router.yes, world.router.delay_s = True, math.inf
        client, _ = world.connect()
        with trio.fail_after(PATIENCE_S):
            await client.end_of(client.start())
        payload = (await client.next("toolcall"))["payload"]
        assert payload == {"status": "no", "raw": [], "score": None}
        assert client.kinds() == ["ack", "toolcall", "token", "final", "done"]


async def test_a_followup_is_never_routed_and_carries_the_checked_prefix(autojump_clock: MockClock) -> None:
    async with open_world(Mode.BOTH) as world:
        client, connection = world.connect()
        with trio.fail_after(PATIENCE_S):
            await client.end_of(client.start())
            followup = client.say("followup", analysis_text="a cat on a mat")
            await client.end_of(followup)
        assert client.kinds(followup) == ["ack", "token", "final", "done"]
        assert connection.actor.memory.history.messages[-2].prompt_text == "ON THE SCREEN NOW: a cat on a mat"


async def test_an_idle_client_is_closed_at_its_deadline(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        client, _ = world.connect(idle_timeout_s=150)
        with trio.fail_after(PATIENCE_S):
            await trio.sleep(100)
            spoke_at = trio.current_time()
            client.say("ping")
            await client.over.wait()
        assert client.closed == (4000, "idle_timeout")
        assert 150 <= trio.current_time() - spoke_at <= 150.1


@pytest.mark.parametrize("frame", ["{", b"{}", '{"type": "ping"}', "[1]"])
async def test_a_malformed_frame_is_no_activity(frame: str | bytes, autojump_clock: MockClock) -> None:
    async with open_world() as world:
        opened_at = trio.current_time()
        client, _ = world.connect(idle_timeout_s=150)
        with trio.fail_after(PATIENCE_S):
            await trio.sleep(100)
            client.say_raw(frame)
            await client.over.wait()
        assert 150 <= trio.current_time() - opened_at <= 150.1


async def test_a_refused_but_well_formed_frame_is_activity(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        client, _ = world.connect(idle_timeout_s=150)
        with trio.fail_after(PATIENCE_S):
            await trio.sleep(100)
            client.say("message", user_utterance="nobody has started")
            await trio.sleep(100)
            assert client.closed is None
            assert client.reason_codes() == ["no_active_session"]


async def test_a_running_turn_keeps_a_silent_client_connected_until_it_ends(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        world.voice.tokens = ("word ",) * 140
        world.scripted.script = type(world.scripted.script)(step_s=0.4, reply=world.voice.reply)
        client, _ = world.connect(idle_timeout_s=20)
        with trio.fail_after(PATIENCE_S):
            turn = client.start()
            await client.over.wait()
        assert client.kinds(turn) == ["ack", "token", "final", "done"]
        assert client.closed == (4000, "idle_timeout")
        assert client.times[-1] > 50


class LeavesWhileBeingSentTo(Client):
    """Is gone when the server is in the middle of a send, which succeeds all the same: kernels buffer."""

    @property
    def free(self) -> bool:
        return False

    async def send(self, frames: Sequence[bytes]) -> None:
        self.hang_up()
        await trio.testing.wait_all_tasks_blocked()


async def test_a_client_that_goes_while_something_is_being_sent_is_no_error(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        client, _ = world.connect(LeavesWhileBeingSentTo())
        with trio.fail_after(PATIENCE_S):
            client.say("ping")
            await client.over.wait()
            await world.check_quiet()


async def test_a_client_that_leaves_during_a_turn_leaves_nothing_behind(autojump_clock: MockClock) -> None:
    async with open_world(Mode.BOTH) as world:
        world.voice.tokens = ("word ",) * 100
        for wait_s in (0.0, 0.04, 0.2, 0.6):
            client, _ = world.connect()
            with trio.fail_after(PATIENCE_S):
                client.start()
                await trio.sleep(wait_s)
                client.hang_up()
                await client.over.wait()
                await world.check_quiet()
        assert set(world.engine.stats().aborts) <= {"disconnect", "internal"}


async def test_end_aborts_the_running_turn_without_a_frame(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        world.voice.tokens = ("word ",) * 100
        client, _ = world.connect()
        with trio.fail_after(PATIENCE_S):
            turn = client.start()
            await client.next("token")
            client.say("end", session_id="whatever")
            await client.over.wait()
        assert client.kinds() == ["ack", "token", "session_end"]
        assert client.kinds(turn) == ["ack", "token"]
        assert client.frames[-1]["session_id"] == "whatever"
        assert client.closed == (1000, "client_request")
        with trio.fail_after(PATIENCE_S):
            await world.check_quiet()


async def test_an_invalid_first_start_is_told_why_and_closed_after_a_linger(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        client, _ = world.connect()
        with trio.fail_after(PATIENCE_S):
            client.say("start", user_utterance="hi")
            await client.over.wait()
        assert client.reason_codes() == ["missing_chat_prompt"]
        assert client.closed == (1008, "refused")
        assert trio.current_time() - client.times[0] == pytest.approx(0.25)


async def test_the_linger_ends_when_the_client_closes(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        client, _ = world.connect()
        with trio.fail_after(PATIENCE_S):
            client.say("start", user_utterance="hi")
            await client.next("error")
            client.hang_up()
            await client.over.wait()
        assert trio.current_time() == client.times[0]


async def test_a_drain_says_goodbye_to_a_session_without_a_turn_at_once(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        client, connection = world.connect()
        with trio.fail_after(PATIENCE_S):
            await client.end_of(client.start())
            connection.drain()
            await client.over.wait()
        assert client.frames[-1]["payload"] == {"reason": "server_shutdown"}
        assert client.frames[-1]["session_id"] == "s"
        assert client.closed == (1001, "server_shutdown")


async def test_a_drain_lets_the_running_turn_finish(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        client, connection = world.connect()
        with trio.fail_after(PATIENCE_S):
            turn = client.start()
            await client.next("token")
            connection.drain()
            await client.over.wait()
        assert client.kinds() == ["ack", "token", "final", "done", "session_end"]
        assert client.referee.turns[turn].end is not None


async def test_a_turn_that_outlasts_the_drain_is_cancelled_with_its_reason(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        world.voice.tokens = ("word ",) * 100
        client, connection = world.connect()
        with trio.fail_after(PATIENCE_S):
            turn = client.start()
            await client.next("token")
            connection.drain()
            await trio.sleep(0.1)
            connection.expire()
            await client.over.wait()
        assert client.kinds() == ["ack", "token", "cancelled", "session_end"]
        assert client.frames[-2]["payload"]["reason"] == "server_shutdown"
        assert client.frames[-2]["request_id"] == turn
        assert client.closed == (1001, "server_shutdown")


async def test_a_barge_in_during_a_drain_gets_its_ack_and_its_end(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        world.voice.tokens = ("word ",) * 100
        client, connection = world.connect()
        with trio.fail_after(PATIENCE_S):
            client.start()
            await client.next("token")
            connection.drain()
            client.say("message", user_utterance="wait")
            await client.over.wait()
        assert client.kinds() == ["ack", "token", "cancelled", "ack", "cancelled", "session_end"]
        client.referee.settled()


class Broken:
    """A cleaner with a bug."""

    def push(self, delta: str) -> str:
        raise RuntimeError(f"a bug of ours, {len(delta)}")

    def flush(self) -> str:
        return ""


async def test_a_crashed_connection_can_still_be_drained(autojump_clock: MockClock) -> None:
    """The barrier keeps it in the server's list while it tells the client: a drain then finds an actor at rest."""

    async with open_world() as world:
        world.cleaner = lambda _profile: Broken()
        client, connection = world.connect()
        with trio.fail_after(PATIENCE_S):
            client.start(sampling={"sanitize_output": True})
            await client.over.wait()
            assert len(world.crashes) == 1
            world.crashes.clear()
            connection.drain()
            connection.expire()
            await world.check_quiet()
