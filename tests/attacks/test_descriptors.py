"""A server that has no file descriptor left lives on, says so once, and serves again when there are some."""

import time
from contextlib import AsyncExitStack
from pathlib import Path

import trio

from tests.attacks.raw import dialled, upgraded
from tests.attacks.scene import KEY
from tests.attacks.victim import Victim, descriptors, limit_descriptors, unlimit_descriptors, victim
from tests.e2e.client import connected
from tests.e2e.plain import fetch
from tooling.benchmarks.bystander.frames import message, start

SPARE = 6
CROWD = 60
LINES_MAX = 60
"""Log lines of a few seconds without descriptors."""


def _processor_seconds(program: Victim) -> float:
    fields = Path(f"/proc/{program.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


async def _until_down_to(program: Victim, count: int) -> None:
    with trio.fail_after(10):
        while descriptors(program) > count:
            await trio.sleep(0.05)


async def test_running_out_of_descriptors_ends_nobody_and_floods_no_log(program: Victim) -> None:
    before = descriptors(program)
    async with connected(program.port, KEY) as client:
        await client.start()
        await client.rest()
        limit_descriptors(program, SPARE)
        lines, spent, began = len(program.lines), _processor_seconds(program), time.monotonic()
        async with AsyncExitStack() as stack:
            for _ in range(CROWD):
                await stack.enter_async_context(dialled(program.port))
            for number in range(5):
                await trio.sleep(0.3)
                await client.message(f"m-{number}")
                assert (await client.rest())[-1]["type"] == "done"
            assert _processor_seconds(program) - spent < 0.7 * (time.monotonic() - began), "it spins"
            assert len(program.lines) - lines < LINES_MAX, "".join(program.lines[lines:])[:4000]
        assert program.process.poll() is None
        await client.answers_pings()
        unlimit_descriptors(program)
    await _until_down_to(program, before)
    assert (await fetch(program.port, "/healthz")).status == 200
    async with connected(program.port, KEY) as client:
        await client.start()
        assert (await client.rest())[-1]["type"] == "done"


async def test_it_serves_again_without_being_told_once_others_have_left(program: Victim) -> None:
    limit_descriptors(program, SPARE)
    for _ in range(3):
        async with AsyncExitStack() as stack:
            for _ in range(CROWD):
                await stack.enter_async_context(dialled(program.port))
            await trio.sleep(0.2)
        with trio.fail_after(10):
            async with upgraded(program.port, KEY) as raw:
                await raw.send(message("start", "r-1", start()))
                while (await raw.answer())["type"] != "done":
                    pass
    unlimit_descriptors(program)


async def test_a_signal_still_ends_a_server_without_descriptors() -> None:
    with victim(DRAIN_TIMEOUT_S="1") as program:
        limit_descriptors(program, 0)
        async with AsyncExitStack() as stack:
            for _ in range(20):
                await stack.enter_async_context(dialled(program.port))
            await trio.sleep(0.2)
            program.process.terminate()
            assert await trio.to_thread.run_sync(program.wait_gone, 20.0) == 0
