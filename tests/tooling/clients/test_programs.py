"""The clients as programs: what is printed, what is exited with, what the keyboard does."""

import json
import os
import pty
import resource
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio

from tests.tooling.clients.standin import KEY, Frame, Session, polite, standing_in
from tooling.clients.data.personas import load_personas, persona_by_traits
from tooling.clients.live.__main__ import main as live

START_UP_LIMIT_S = 1.0
LONG = tuple(f"word{number} " for number in range(200))


async def program(
    name: str, *arguments: str, server: str = "", stdin: bytes | int = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run a client to its end."""
    environ = {"PATH": os.defpath, "TEXT_API_KEY": KEY, "SERVER_WS_URL": server, "RECV_TIMEOUT_SEC": "2"}
    command = [sys.executable, "-m", f"tooling.clients.{name}", *arguments]
    with trio.fail_after(90):
        return await trio.run_process(
            command, env=environ, stdin=stdin, capture_stdout=True, capture_stderr=True, check=False
        )


async def slow(session: Session, frame: Frame) -> None:
    """A long reply, a word every 20 ms; a cancel or another turn stops it."""
    if frame["type"] == "cancel":
        turn = frame["request_id"]
        await session.send("cancelled", frame, reason="client_request", turn=turn, usage={})
        return
    await session.send("ack", frame, **{"for": frame["type"], "ok": True})
    for word in LONG:
        await trio.sleep(0.02)
        newest = [one for one in session.seen if one["type"] in ("start", "message", "cancel")][-1]
        if newest is not frame:
            if newest["type"] == "message":
                await session.send("cancelled", frame, reason="barge_in", turn=frame["request_id"], usage={})
            return
        await session.send("token", frame, text=word)


async def test_bench_prints_a_table_and_passes() -> None:
    async with standing_in() as server:
        done = await program("bench", "-n", "6", "-c", "3", server=server.url)
    out = done.stdout.decode()
    assert done.returncode == 0, done.stderr.decode()
    assert "results: 6 ok, 0 errors" in out
    for row in ("TTFB (chat)", "ITL", "total", "connect"):
        assert row in out
    assert out.splitlines()[-1] == "✓ PASS"
    assert "[####################] 6/6  ok 6  failed 0" in done.stderr.decode()
    assert KEY not in out + done.stderr.decode()


async def test_bench_json_is_one_document_on_stdout_without_the_key() -> None:
    async with standing_in() as server:
        done = await program("bench", "-n", "2", "--double-ttfb", "--json", "--top_k", "5", server=server.url)
    told: dict[str, Any] = json.loads(done.stdout)
    assert (told["schema"], told["client"], told["ok"], told["exit_code"]) == ("yap-client/1", "bench", True, 0)
    assert [turn["label"] for turn in told["turns"] if turn["connection"] == 0] == ["FIRST", "SECOND"]
    assert told["summary"]["first"]["TTFB (chat)"]["n"] == 2
    assert told["summary"]["output_tokens"] == 12
    assert [session.seen[0]["payload"]["sampling"] for session in server.sessions] == [{"top_k": 5}] * 2
    assert KEY not in done.stdout.decode()


async def test_bench_against_nobody_exits_3_and_still_writes_its_document() -> None:
    done = await program("bench", "-n", "1", "--json", server="ws://127.0.0.1:9/ws")
    assert done.returncode == 3
    assert json.loads(done.stdout)["failures"][0]["kind"] == "connection_failed"
    assert done.stderr.decode().splitlines()[-1].startswith("✗ FAIL")


async def test_bench_with_one_bad_turn_exits_1_and_goes_on() -> None:
    async def first_fails(session: Session, frame: Frame) -> None:
        if session is server.sessions[0]:
            await session.send("error", frame, code="server_busy", message="m", details={"reason_code": "x"})
        else:
            await polite(session, frame)

    async with standing_in(first_fails) as server:
        done = await program("bench", "-n", "3", "-c", "1", server=server.url)
    assert done.returncode == 1
    assert "results: 2 ok, 1 errors" in done.stdout.decode()
    assert "server_busy/x: 1" in done.stdout.decode()


@pytest.mark.parametrize("name", ["bench", "live"])
async def test_a_missing_key_exits_2_with_the_two_ways_to_give_one(name: str) -> None:
    with trio.fail_after(10):
        done = await trio.run_process(
            [sys.executable, "-m", f"tooling.clients.{name}"],
            env={},
            capture_stdout=True,
            capture_stderr=True,
            check=False,
        )
    assert done.returncode == 2
    assert b"TEXT_API_KEY" in done.stderr
    assert b"--api-key" in done.stderr


def test_an_unknown_persona_exits_2_and_lists_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert live(["-p", "nobody"], {"TEXT_API_KEY": KEY}) == 2
    assert "anna_flirty" in capsys.readouterr().err


def test_an_unknown_personality_takes_the_base_prompt_and_is_sent_as_given() -> None:
    personas = load_personas()
    found = persona_by_traits(personas, "Woman", "grumpy")
    assert (found.gender, found.personality, found.prompt) == ("female", "grumpy", personas["female"].prompt)
    assert persona_by_traits(personas, "male", "flirty").key == "mark_flirty"


async def test_a_client_starts_in_under_a_second_of_computing() -> None:
    """Of the processor's time: a busy machine may take longer by the clock."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    await program("bench", "--help")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < START_UP_LIMIT_S


async def test_live_reads_piped_lines_one_reply_after_the_other() -> None:
    async with standing_in() as server:
        done = await program("live", "good", "evening", server=server.url, stdin=b"how are you\n\nbye now\n")
    assert done.returncode == 0, done.stderr.decode()
    said = [one["payload"].get("user_utterance") for one in server.sessions[0].seen]
    assert said == ["good evening", "how are you", "bye now", None]
    assert done.stdout.decode().count("ASST  Hello there, friend.") == 3
    assert done.stderr.decode().count("ttfb=") == 3


async def test_live_without_a_keyboard_says_the_opener_and_leaves() -> None:
    async with standing_in() as server:
        done = await program("live", "good evening", server=server.url, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode().count("ASST  Hello there, friend.") == 1


@pytest.mark.parametrize(
    ("model", "flags", "key"),
    [
        (b"demo-smollm2-0f", [], "demo"),
        (b"Qwen3-8B", [], "anna_flirty"),
        (b"demo-smollm2-0f", ["-p", "mark_flirty"], "mark_flirty"),
    ],
)
async def test_live_takes_a_persona_that_fits_the_servers_model(model: bytes, flags: list[str], key: str) -> None:
    async with standing_in(model=model) as server:
        done = await program("live", *flags, server=server.url)
    assert done.returncode == 0, done.stderr.decode()
    assert server.sessions[0].seen[0]["payload"]["chat_prompt"] == load_personas()[key].prompt


async def test_live_with_a_wrong_key_exits_3_and_says_which_variable() -> None:
    async def refuse(session: Session, frame: Frame) -> None:
        details = {"reason_code": "invalid_key"}
        await session.send("error", frame, code="authentication_failed", message="m", details=details)
        await session.socket.aclose(1008)

    async with standing_in(on_connect=refuse) as server:
        done = await program("live", server=server.url)
    assert done.returncode == 3
    assert "TEXT_API_KEY" in done.stderr.decode()


async def test_live_says_goodbye_on_the_idle_close() -> None:
    async def idle(session: Session, frame: Frame) -> None:
        await session.reply(frame)
        await session.socket.aclose(4000, "idle_timeout")

    async with standing_in(idle) as server, terminal("live", server.url) as live_client:
        await live_client.until("Goodbye!")
        assert await live_client.ended() == 0


class Terminal:
    """A program on a pseudo-terminal: what it printed so far, and a keyboard."""

    def __init__(self, process: trio.Process, descriptor: int) -> None:
        self.process = process
        self.shown = ""
        self._descriptor = descriptor

    async def until(self, text: str) -> None:
        """Read until `text` has been printed."""
        with trio.fail_after(10):
            while text not in self.shown:
                await trio.lowlevel.wait_readable(self._descriptor)
                self.shown += os.read(self._descriptor, 4096).decode("utf-8", "replace")

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._descriptor, text.encode())

    async def ended(self) -> int:
        """Its exit code, once it has ended."""
        with trio.fail_after(10):
            return await self.process.wait()


@asynccontextmanager
async def terminal(name: str, server: str, *arguments: str) -> AsyncIterator[Terminal]:
    ours, theirs = pty.openpty()
    environ = {"PATH": os.defpath, "TEXT_API_KEY": KEY, "SERVER_WS_URL": server, "TERM": "xterm"}
    command = [sys.executable, "-m", f"tooling.clients.{name}", *arguments]
    process = await trio.lowlevel.open_process(
        command, env=environ, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    try:
        yield Terminal(process, ours)
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()
        os.close(ours)


async def test_a_cancel_that_is_refused_is_no_end_of_the_reply() -> None:
    async def refuses_cancels(session: Session, frame: Frame) -> None:
        if frame["type"] == "cancel":
            details = {"reason_code": "cancel_rate_limited", "retry_in": 7}
            await session.send("error", frame, code="rate_limited", message="m", details=details)
        else:
            await session.reply(frame, LONG[:40], pause_s=0.02)

    async with standing_in(refuses_cancels) as server, terminal("live", server.url) as talk:
        await talk.until("word3 ")
        talk.process.send_signal(signal.SIGINT)
        await talk.until("retry in 7 s")
        await talk.until("word39 ")
        await talk.until("> ")
        talk.type("/stop\r")
        assert await talk.ended() == 0


async def test_ctrl_c_ends_a_bench_and_keeps_what_it_has() -> None:
    async with standing_in(slow) as server, terminal("bench", server.url, "-n", "2", "-c", "2") as talk:
        await talk.until("0/2")
        talk.process.send_signal(signal.SIGINT)
        await talk.until("interrupted after 0 connections")
        assert await talk.ended() == 130
