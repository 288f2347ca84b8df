"""Hundreds that come, start and vanish, and hundreds that stay silent: everything comes back to where it was.

`python -m tooling.benchmarks.memory` does the same with thousands and prints what an idle connection takes.
"""

from contextlib import AsyncExitStack

import trio

from tests.attacks.raw import closing, dialled, upgraded
from tests.attacks.scene import KEY, UTTERANCE, attacked
from tests.attacks.victim import Victim, descriptors, memory_bytes
from tests.e2e.client import connected
from tooling.benchmarks.bystander.frames import message, start, upgrade

CHURN = 200
IDLE = 200
MEBIBYTE = 1 << 20
PER_CONNECTION_BYTES = MEBIBYTE // 8
"""An idle session is some tasks and buffers; far below what would make thousands of them a question of memory."""


async def test_connections_that_start_and_vanish_leave_nothing() -> None:
    async with attacked(MAX_CONCURRENT_CONNECTIONS="64") as scene:
        started = message("start", "r-1", start(UTTERANCE))
        for number in range(CHURN):
            async with dialled(scene.port) as raw:
                await raw.send(upgrade(KEY) + b"")
                match number % 5:
                    case 0:
                        pass
                    case 1:
                        await raw.through()
                        await raw.send(started)
                    case 2:
                        await raw.through()
                        await raw.send(started)
                        await raw.answer()
                    case 3:
                        await raw.through()
                        await raw.send(started + closing(1000))
                    case 4:
                        await raw.send(started[:30])
            if number % 20 == 0:
                await scene.place.until_idle_engine()
        with trio.fail_after(10):
            while scene.place.server.slots.taken > 1:
                await trio.sleep(0.01)


async def test_more_clients_than_slots_are_told_so_and_the_next_ones_served() -> None:
    async with attacked(MAX_CONCURRENT_CONNECTIONS="8", WS_HANDSHAKE_ACQUIRE_TIMEOUT_S="0.1") as scene:
        async with AsyncExitStack() as stack:
            for _ in range(7):
                raw = await stack.enter_async_context(upgraded(scene.port, KEY))
                await raw.send(message("ping", "p-1", {}))
                assert (await raw.answer())["type"] == "pong"
            for _ in range(10):
                async with upgraded(scene.port, KEY) as turned_away:
                    end = await turned_away.ended(answers=True)
                assert (end.reason_codes, end.code) == (["no_slot"], 1013)
        async with upgraded(scene.port, KEY) as raw:
            await raw.send(message("ping", "p-1", {}))
            assert (await raw.answer())["type"] == "pong"


async def test_a_process_gives_back_what_a_crowd_took(program: Victim) -> None:
    await _crowd(program.port)  # what is allocated once is allocated now
    open_before, memory_before = descriptors(program), memory_bytes(program)
    await _crowd(program.port)
    with trio.fail_after(10):
        while descriptors(program) > open_before:
            await trio.sleep(0.05)
    assert memory_bytes(program) - memory_before < 8 * MEBIBYTE
    async with AsyncExitStack() as stack:
        await _seat(stack, program.port)
        assert memory_bytes(program) - memory_before < IDLE * PER_CONNECTION_BYTES
        async with connected(program.port, KEY) as client:
            await client.start()
            assert (await client.rest())[-1]["type"] == "done"


async def _crowd(port: int) -> None:
    async with AsyncExitStack() as stack:
        await _seat(stack, port)


async def _seat(stack: AsyncExitStack, port: int) -> None:
    for _ in range(IDLE):
        raw = await stack.enter_async_context(upgraded(port, KEY))
        await raw.send(message("ping", "p-1", {}))
        assert (await raw.answer())["type"] == "pong"
