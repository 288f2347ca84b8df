"""The server as a process, with the scripted engine: start, signals, exit statuses, and what it leaves behind."""

import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import trio
from trio_websocket import ConnectionClosed

from tests.e2e.client import connected, kinds_of
from tests.e2e.listeners import listening
from tests.e2e.plain import fetch
from tests.e2e.program import Program, assert_nothing_left, scripted

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@pytest.fixture
def fresh() -> Iterator[Program]:
    """A server of a test's own."""
    running = Program(scripted(DRAIN_TIMEOUT_S="5"))
    try:
        yield running.wait_ready()
    finally:
        running.bury()


@pytest.fixture
def patient() -> Iterator[Program]:
    """A server that takes a crowd and would drain for a long time."""
    crowd = {"MAX_CONCURRENT_CONNECTIONS": "100", "ENGINE_MAX_QUEUED": "100"}
    running = Program(scripted(DRAIN_TIMEOUT_S="300", **crowd))
    try:
        yield running.wait_ready()
    finally:
        running.bury()


async def test_the_process_serves_a_conversation(program: Program) -> None:
    async with connected(program.port) as client:
        await client.start()
        assert kinds_of(await client.rest()) == ["ack", "token", "final", "done"]
        for number in range(3):
            await client.message(f"m-{number}")
            assert (await client.rest())[-1]["type"] == "done"
        await client.say("end", "bye")
        assert (await client.closed())[0] == 1000


@pytest.mark.parametrize(
    ("host", "addresses"),
    [("127.0.0.1", {"127.0.0.1"}), ("0.0.0.0", {"0.0.0.0"}), ("::1", {"::1"}), ("::", {"0.0.0.0", "::"})],
)
def test_a_server_listens_on_its_one_port_and_where_it_was_told(host: str, addresses: set[str]) -> None:
    running = Program(scripted(SERVER_BIND_HOST=host, METRICS_ENABLED="1", PLAYGROUND="1"))
    try:
        running.wait_for("server.started")
        found = listening([running.pid, *(process.pid for process in running.family())])
        assert found == {(address, running.port) for address in addresses}
    finally:
        running.bury()


async def test_every_turn_has_one_line_in_the_log_and_no_text_in_it(program: Program) -> None:
    after = len(program.lines)
    async with connected(program.port) as client:
        await client.start("r-1", "a-very-private-thing")
        await client.rest()
    await trio.to_thread.run_sync(program.wait_for, "session.closed", 10.0, after)
    lines = [record for record in program.records(after) if record["event"] == "turn.finished"]
    assert len(lines) == 1
    assert {"turn", "how", "cause", "prompt_tokens", "tokens", "total_ms"} <= set(lines[0])
    log = "".join(program.lines)
    assert "private" not in log
    assert "k-1" not in log, "a key is in no log line"


async def test_metrics_are_prometheus_text_and_count_what_is_there(program: Program) -> None:
    async with connected(program.port) as client:
        await client.answers_pings()
        reply = await fetch(program.port, "/metrics")
        assert reply.status == 200
        assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
        samples = [line for line in reply.body.decode().splitlines() if line and not line.startswith("#")]
        for line in samples:
            assert re.fullmatch(r'[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? [0-9.e+-]+', line), line
        values = dict(line.rsplit(" ", 1) for line in samples)
        (connections,) = [float(value) for name, value in values.items() if name.endswith("active_connections")]
        assert connections == 1


async def test_metrics_name_nobody_and_quote_nothing(program: Program) -> None:
    async with connected(program.port, session_id="s-of-somebody") as client:
        await client.start("r-of-somebody", "a-very-private-thing")
        await client.rest()
        page = (await fetch(program.port, "/metrics")).body.decode()
        assert "text_inference_requests_total" in page
        assert not [word for word in ("somebody", "private", "k-1", "127.0.0.1") if word in page]


def _memory(pid: int) -> int:
    """Resident bytes: the second field of proc(5) "statm"."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES


def _files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


async def test_hundreds_of_connections_leave_the_process_as_it_was(program: Program) -> None:
    async def visits(count: int) -> None:
        for number in range(count):
            async with connected(program.port) as client:
                if number % 4 == 0:
                    await client.start()
                    await client.expect("ack")
                else:
                    await client.answers_pings()

    async def crowd(each: int) -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(8):
                nursery.start_soon(visits, each)
        await trio.sleep(0.5)

    await crowd(25)
    files, memory = _files(program.pid), _memory(program.pid)
    await crowd(50)
    assert _files(program.pid) <= files
    assert _memory(program.pid) - memory < 4 << 20, "less than 10 KiB a connection, allocator slack included"


async def test_sigterm_lets_the_turn_finish_and_ends_with_status_0(fresh: Program) -> None:
    async with connected(fresh.port) as idle, connected(fresh.port, session_id="s-2") as talking:
        await idle.answers_pings()
        await talking.start()
        await talking.expect("ack")
        fresh.kill(signal.SIGTERM)
        await trio.to_thread.run_sync(fresh.wait_for, "server.drain_started", 5.0)
        assert await idle.closed() == (1001, "server_shutdown")
        assert (await talking.closed())[0] == 1001
        assert kinds_of(talking.seen)[-3:] == ["final", "done", "session_end"]
    assert await trio.to_thread.run_sync(fresh.wait_gone) == 0
    assert_nothing_left(fresh.pid)


async def test_ctrl_c_on_an_idle_server_ends_it_at_once_and_quietly(patient: Program) -> None:
    os.killpg(patient.pid, signal.SIGINT)
    assert await trio.to_thread.run_sync(patient.wait_gone, 60) == 0  # of 300 s for a drain
    assert "Traceback" not in "".join(patient.lines)
    assert_nothing_left(patient.pid)


async def test_a_second_signal_does_not_wait_for_the_turns(patient: Program) -> None:
    unfinished = 0

    async def talk(task_status: trio.TaskStatus[None]) -> None:
        nonlocal unfinished
        async with connected(patient.port) as client:
            await client.start()
            await client.expect("ack")
            task_status.started()
            with suppress(ConnectionClosed):
                await client.rest()
            unfinished += client.seen[-1]["type"] != "done"

    async with trio.open_nursery() as nursery:
        for _ in range(80):  # the engine runs 8 turns at a time, of half a second each
            await nursery.start(talk)
        patient.kill(signal.SIGTERM)
        await trio.to_thread.run_sync(patient.wait_for, "server.drain_started", 5.0)
        began = time.monotonic()
        patient.kill(signal.SIGINT)
        assert await trio.to_thread.run_sync(patient.wait_gone) == 0
        assert time.monotonic() - began < 20
    assert unfinished > 20
    assert_nothing_left(patient.pid)


def test_bad_settings_are_told_together_and_end_with_status_3() -> None:
    running = Program(scripted(SERVER_PORT="99999", WS_IDLE_TIMEOUT_S="soon", MAX_CONCURRENT_CONNECTIONS="0"))
    try:
        assert running.wait_gone(60) == 3
    finally:
        running.bury()
    told = "".join(running.lines)
    assert {"SERVER_PORT", "WS_IDLE_TIMEOUT_S", "MAX_CONCURRENT_CONNECTIONS"} <= set(told.replace(":", " ").split())
    assert "Traceback" not in told


def test_a_port_that_is_taken_is_told_and_ends_with_status_1(program: Program) -> None:
    running = Program(scripted(SERVER_PORT=str(program.port)))
    try:
        assert running.wait_gone(60) == 1
    finally:
        running.bury()
    (failed,) = [record for record in running.records() if record["event"] == "server.failed"]
    assert "address" in failed["error"].lower()
    assert "Traceback" not in "".join(running.lines)


def test_a_model_that_is_not_there_is_told_and_ends_with_a_failure(tmp_path: Path) -> None:
    running = Program(scripted(CHAT_MODEL=str(tmp_path / "nowhere")))
    try:
        assert running.wait_gone(60) in (1, 3)
    finally:
        running.bury()
    assert "nowhere" in "".join(running.lines)
    assert "Traceback" not in "".join(running.lines)
