"""The short way of text, from an engine's step to the socket: taken where the table allows it, seen by nobody."""

from collections.abc import Sequence

import pytest
import trio
from attrs import define, field
from trio.testing import MockClock

from actors.happenings import TurnStatus
from actors.session import effects as do
from actors.session import events as ev
from actors.session.effects import AbortCause
from actors.session.machine import POURS, step
from actors.session.state import Phase, Session
from tests.client import Client
from tests.harness import Verbatim, World, open_world

PATIENCE_S = 60
WORDS = ("A ", "word ", "or ", "two. ")


@define(eq=False)
class Counting(Client):
    """Counts how often the writer had to be woken for it. `busy`: its socket never takes anything at once."""

    busy: bool = False
    sends: int = 0

    @property
    def free(self) -> bool:
        return super().free and not self.busy

    async def send(self, frames: Sequence[bytes]) -> None:
        self.sends += 1
        await super().send(frames)


def test_text_is_poured_exactly_where_the_table_passes_it_on_and_does_nothing_else() -> None:
    assert {Phase.STREAMING} == POURS
    chunk = ev.ChunkProduced(1, "text", 1)
    for phase in Phase:
        session = Session(phase=phase)
        if phase in POURS:
            assert step(session, chunk) == (session, (do.SendText(chunk),))


async def _talk(world: World, client: Counting) -> str:
    world.voice.tokens = WORDS * 20
    world.connect(client)
    turn = client.start()
    end = await client.end_of(turn)
    assert end["type"] == "done"
    return "".join(frame["payload"]["text"] for frame in client.frames if frame["type"] == "token")


async def test_a_client_that_takes_everything_wakes_no_writer(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        with trio.fail_after(PATIENCE_S):
            client = Counting()
            assert await _talk(world, client) == "".join(WORDS * 20)
            assert client.sends == 0
            client.hang_up()
            await client.over.wait()


async def test_a_socket_that_takes_nothing_at_once_gets_the_same_from_the_writer(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        with trio.fail_after(PATIENCE_S):
            client = Counting(busy=True)
            assert await _talk(world, client) == "".join(WORDS * 20)
            assert client.sends > 20
            client.hang_up()
            await client.over.wait()


@define
class Breaks(Verbatim):
    """A sanitizer with a bug, which shows after a while."""

    left: int = field(default=5)

    def push(self, text: str) -> str:
        self.left -= 1
        if not self.left:
            raise ZeroDivisionError
        return super().push(text)


async def test_a_bug_in_one_sessions_text_is_raised_in_its_own_task_and_costs_nobody_else(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        world.voice.tokens = WORDS * 20
        with trio.fail_after(PATIENCE_S):
            other = Client()
            world.connect(other)
            turn = other.start()
            await other.next("token")
            world.cleaner = lambda _profile: Breaks()
            broken = Client()
            world.connect(broken)
            broken.start(sampling={"sanitize_output": True})
            await broken.over.wait()
            crash = world.crashes.pop()
            assert isinstance(crash, BaseExceptionGroup)
            assert crash.subgroup(ZeroDivisionError) is not None
            (over,) = world.accounts.ended
            assert (over.status, over.reason) == (TurnStatus.FAILED, "internal_exception")
            assert over.usage.completion_tokens > 0, "what it has used is told"
            assert [generation.cause for generation in over.generations] == [AbortCause.INTERNAL]
            assert (await other.end_of(turn))["type"] == "done"
            other.hang_up()
            await other.over.wait()
            await world.check_quiet()


@pytest.mark.parametrize("waits", [True, False])
async def test_text_never_overtakes_what_waits_before_it(waits: bool, autojump_clock: MockClock) -> None:
    async with open_world() as world:
        world.voice.tokens = WORDS
        with trio.fail_after(PATIENCE_S):
            client = Client()
            _, connection = world.connect(client)
            client.start()
            await client.next("token")
            actor = connection.actor
            assert actor.phase in POURS
            if waits:
                client.referee.said("ping", "before")
                actor.inbox.put(ev.PingReceived("s", "before"))
            seen = len(client.frames)
            actor.pour(1, "poured ", 1, trio.current_time())
            await client.end_of("start-1")
            kinds = [frame["type"] for frame in client.frames[seen:]]
            assert (kinds[0] == "pong") is waits
            client.hang_up()
            await client.over.wait()
