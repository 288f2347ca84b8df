"""Two replicas of the real engine on the CPU under the whole server: a session stays where its prefix is warm, and the
death of one replica is survived like any other."""

import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import trio

from engines import processes
from engines.vllm.workers import is_worker
from tests.e2e.breaking import GREEDY, START_S, failed, goes_on, readiness, settings, talking
from tests.e2e.client import Client, Frame, connected
from tests.e2e.listeners import beyond_this_machine, listening
from tests.e2e.program import Program, assert_gone, assert_nothing_left
from tests.e2e.weights import write_talker

pytestmark = pytest.mark.engine

SESSIONS = 4
# vLLM keeps whole blocks of a prompt, of 128 tokens on a CPU; the last one is never whole.
BLOCK = 128


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """Two replicas, one server."""
    model: Path = write_talker(tmp_path_factory.mktemp("talker"))
    running = Program(settings(model, CHAT_DATA_PARALLEL="2", WS_MAX_CANCELS_PER_WINDOW="0"), yields=True)
    try:
        yield running.wait_ready(START_S)
    finally:
        running.bury()
        assert_nothing_left(running.pid)


async def usage(client: Client) -> Frame:
    """What the turn that runs has cost, told at its end; it is stopped once it speaks, or it would take seconds."""
    await client.until("token")
    await client.say("cancel", "enough")
    end = (await client.rest())[-1]
    assert end["type"] == "cancelled", end
    return dict(end["payload"]["usage"])


async def test_a_session_finds_its_prefix_again_whatever_the_others_do(server: Program) -> None:
    assert len(list(filter(is_worker, server.family()))) == 5, "a coordinator, a core and a worker for each replica"
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(connected(server.port, session_id=f"s-{number}"))
            for number in range(SESSIONS)
        ]
        for number, client in enumerate(clients):
            await client.start("r-1", f"I am number {number}. " * 60, sampling=GREEDY)
        first = [await usage(client) for client in clients]
        for turn in range(2, 4):
            # Each one further each time: in turn, the replica would be another one.
            for client in clients[turn - 1 :] + clients[: turn - 1]:
                await client.message(f"r-{turn}", f"and {turn}?")
            for client, before in zip(clients, first, strict=True):
                told = await usage(client)
                assert told["cached_tokens"] >= before["prompt_tokens"] - BLOCK, (told, before)


def test_no_process_of_the_engine_listens_beyond_this_machine(server: Program) -> None:
    """Two replicas meet over TCP: on the loopback."""
    engine = listening(process.pid for process in server.family())
    assert engine, "nothing listens at all: what this looks at has changed"
    assert not beyond_this_machine(engine)
    assert beyond_this_machine(listening([server.pid])) == set()


def test_no_process_of_the_engine_knows_a_key_of_ours(server: Program) -> None:
    family = [process.pid for process in server.family()]
    environments = [Path(f"/proc/{pid}/environ").read_bytes() for pid in family]
    assert environments and all(b"VLLM_" in each for each in environments)
    assert not [pid for pid, each in zip(family, environments, strict=True) if b"TEXT_API_KEY" in each]


@pytest.fixture
async def two(server: Program) -> AsyncIterator[tuple[Client, Client]]:
    """Two sessions, both being answered."""
    async with talking(server, "one") as one, talking(server, "two") as two:
        yield one, two


async def test_a_killed_replica_ends_the_turns_once_and_the_sessions_go_on(
    server: Program, two: tuple[Client, Client]
) -> None:
    with trio.fail_after(START_S):
        family = server.family()
        victim = max(filter(is_worker, family), key=lambda process: process.ticks)
        processes.send([victim], signal.SIGKILL)
        for client in two:
            await failed(client)
        await readiness(server, 200, START_S)
        for client in two:
            await goes_on(client)
    assert_gone(family)
