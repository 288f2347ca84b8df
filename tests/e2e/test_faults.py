"""The real engine on the CPU breaks under the whole server: who notices what, how fast, and that all of it recovers.

One server for the deaths and stalls, each of which leaves a working server behind; one start each for the starts that
have to fail. The seconds are printed (`pytest -rP`).
"""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from engines import processes
from tests.e2e.breaking import HANG_S, START_S, ends, failed, goes_on, readiness, report, settings, talking, vital
from tests.e2e.plain import fetch
from tests.e2e.program import Program, assert_gone, assert_nothing_left
from tests.e2e.weights import write_talker

pytestmark = pytest.mark.engine

READINESS_FALLS_WITHIN_S = 5.0


@pytest.fixture(scope="module")
def talker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model."""
    return write_talker(tmp_path_factory.mktemp("talker"))


@pytest.fixture(scope="module")
def server(talker: Path) -> Iterator[Program]:
    """The server that everything is done to."""
    running = Program(settings(talker), yields=True)
    try:
        yield running.wait_ready(START_S)
    finally:
        running.bury()
        assert_nothing_left(running.pid)


async def test_an_idle_engine_that_was_stopped_is_not_ready_until_it_goes_on(server: Program) -> None:
    core, _ = vital(server)
    processes.send([core], signal.SIGSTOP)
    try:
        fell = await readiness(server, 503, READINESS_FALLS_WITHIN_S)
    finally:
        processes.send([core], signal.SIGCONT)
    rose = await readiness(server, 200, 20)
    report("SIGSTOP of an idle core", not_ready=fell, ready_after_SIGCONT=rose)
    assert vital(server)[0] == core, "nothing was restarted"


@pytest.mark.parametrize("which", [0, 1], ids=["core", "worker"])
async def test_a_turn_outlives_a_short_stop_of_its_engine(server: Program, which: int) -> None:
    with trio.fail_after(170):
        async with talking(server, "stop") as client:
            before = vital(server)
            victim = before[which]
            processes.send([victim], signal.SIGSTOP)
            try:
                fell = await readiness(server, 503, READINESS_FALLS_WITHIN_S)
                await trio.sleep(1)
            finally:
                processes.send([victim], signal.SIGCONT)
            rose = await readiness(server, 200, 20)
            report("SIGSTOP mid-turn", not_ready=fell, ready_after_SIGCONT=rose)
            await client.until("token")
            await client.say("cancel", "r-1")
            end = await ends(client)
            assert (end["type"], end["payload"]["turn"]) == ("cancelled", "r-1")
            assert vital(server) == before, "nothing was restarted"


@pytest.mark.parametrize(
    ("which", "number"),
    [(0, signal.SIGKILL), (1, signal.SIGKILL), (0, signal.SIGTERM)],
    ids=["core-killed", "worker-killed", "core-terminated"],
)
async def test_a_death_ends_running_turns_once_and_the_sessions_go_on_with_the_next_engine(
    server: Program, which: int, number: signal.Signals
) -> None:
    with trio.fail_after(START_S):
        async with talking(server, "one") as one, talking(server, "two") as two:
            family, victim, line = server.family(), vital(server)[which], len(server.lines)
            before = server.descriptors()
            died_at = time.monotonic()
            processes.send([victim], number)
            await failed(one)
            told = time.monotonic() - died_at
            await failed(two)
            assert await trio.to_thread.run_sync(server.readiness) == 503
            await one.message("r-early", "hello?")
            assert (await one.rest())[-1]["payload"]["details"]["reason_code"] == "engine_unavailable"
            await readiness(server, 200, START_S)
            report(f"{number.name} of {('core', 'worker')[which]}", told=told, back=time.monotonic() - died_at)
            await goes_on(one)
            await goes_on(two)
            died = server.wait_for("engine.died", after=line)
            await no_more_descriptors(server, before)
    assert died["restart_in_s"] >= 1
    assert_gone(family)


async def no_more_descriptors(server: Program, most: int) -> None:
    """A dead engine leaves none behind, with the same clients as before."""
    with trio.move_on_after(15):
        while server.descriptors() > most:
            await trio.sleep(0.1)
    assert server.descriptors() <= most


async def test_an_engine_that_stays_stopped_is_hung_and_replaced(server: Program) -> None:
    with trio.fail_after(START_S):
        async with talking(server, "hung") as client:
            victims, line, stopped_at = vital(server), len(server.lines), time.monotonic()
            processes.send(victims[:1], signal.SIGSTOP)
            await failed(client)
            told = time.monotonic() - stopped_at
            await readiness(server, 200, START_S)
            report("SIGSTOP for good", told=told, back=time.monotonic() - stopped_at)
            await goes_on(client)
            hung = server.wait_for("engine.hung", after=line)
    assert HANG_S <= told < 2 * HANG_S
    assert "is stopped" in hung["error"]
    assert_gone(list(victims))


async def test_the_metrics_count_restarts_and_the_prefix_cache(server: Program) -> None:
    async with talking(server, "counted") as client:
        await client.say("cancel", "r-1")
        await client.until("cancelled")
    reply = await fetch(server.port, "/metrics")
    values = dict(line.rsplit(" ", 1) for line in reply.body.decode().splitlines() if not line.startswith("#"))
    died = {"engine.died", "engine.hung"}
    deaths = [record for record in server.records() if record["event"] in died]
    assert float(values["text_inference_engine_restarts_total"]) == len(deaths)
    assert float(values["text_inference_prompt_tokens_total"]) > 0
    assert 0 <= float(values["text_inference_prefix_cache_hit_ratio"]) <= 1


async def test_told_to_stop_while_it_speaks_the_server_ends_well_and_leaves_nothing(server: Program) -> None:
    with trio.fail_after(170):
        async with talking(server, "last") as client:
            server.kill(signal.SIGTERM)
            end = (await client.rest())[-1]
            assert end["type"] == "done" or end["payload"]["reason"] == "server_shutdown"
        assert await trio.to_thread.run_sync(server.wait_gone) == 0
    assert_nothing_left(server.pid)


def _fails_to_start(environment: dict[str, str], *words: str) -> None:
    program, began = Program(environment, yields=True), time.monotonic()
    try:
        assert program.wait_gone(START_S) == 1
        program.bury()
        (told,) = [record["error"] for record in program.records() if record["event"] == "server.failed"]
        report("a start that fails", exited=time.monotonic() - began)
        print(told)
        assert all(word in told for word in words), told
    finally:
        program.bury()
        assert_nothing_left(program.pid)


def test_a_checkpoint_with_broken_weights_ends_the_process_with_the_engines_own_words(
    talker: Path, tmp_path: Path
) -> None:
    broken = write_talker(tmp_path)
    weights = (broken / "model.safetensors").read_bytes()
    (broken / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    _fails_to_start(settings(broken), "vLLM did not start", "afetensor")


def test_a_cache_that_no_memory_holds_ends_the_process_with_the_engines_own_words(talker: Path) -> None:
    _fails_to_start(settings(talker, CHAT_KV_CACHE_BYTES=str(1 << 50)), "vLLM did not start", "memory")
