"""How every client runs and ends: flags, report, document, interruption, and faults of its own; never a traceback."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio

from tests.tooling.clients.standin import KEY, Frame, Session, StandIn, polite, standing_in
from tooling.clients.failures import EmptyReply, NoConnection, ProtocolBreach
from tooling.clients.options import Environ, Flags, add_persona, duration, parser
from tooling.clients.program import Call, Client, add_output, conduct
from tooling.clients.session.exchange import Exchange
from tooling.clients.session.latency import TurnMeter

LIMIT_S = 30
CLIENT = "tooling.clients.conversation"


def grammar(environ: Environ) -> Flags:
    """What every client has."""
    made = parser("test", "A client.")
    made.add_argument("--wait", type=duration, default=1.0)
    add_persona(made, environ)
    add_output(made)
    return made


async def conducted(talk: Callable[[Call], Awaitable[str]], *argv: str, **environ: str) -> int:
    """The exit code of a client that does this."""
    with trio.fail_after(LIMIT_S):
        around = {"TEXT_API_KEY": KEY, **environ}
        return await conduct(Client(name="test", grammar=grammar, talk=talk), argv, around)


async def run(
    server: StandIn, *argv: str, stdout: int | None = None, **environ: str
) -> subprocess.CompletedProcess[bytes]:
    """Run the conversation client as a program; what it prints is captured unless it goes to `stdout`."""
    around = {"PATH": os.defpath, "TEXT_API_KEY": KEY, "SERVER_WS_URL": server.url, "RECV_TIMEOUT_SEC": "5", **environ}
    command = [sys.executable, "-m", CLIENT, *argv]
    to: dict[str, Any] = {"capture_stdout": True} if stdout is None else {"stdout": stdout}
    with trio.fail_after(LIMIT_S):
        return await trio.run_process(command, env=around, capture_stderr=True, check=False, **to)


async def test_a_fault_of_our_own_is_one_line_that_names_type_and_place(capsys: pytest.CaptureFixture[str]) -> None:
    async def broken(_call: Call) -> str:
        raise KeyError("a secret text")

    assert await conducted(broken, "--json") == 1
    told = capsys.readouterr()
    (failure,) = json.loads(told.out)["failures"]
    assert failure["kind"] == "internal"
    assert failure["detail"].startswith("internal: KeyError in tooling/clients/program.py, line ")
    assert told.err == f"✗ FAIL {failure['detail']}\n"
    assert "secret" not in told.out + told.err


async def test_of_a_group_every_failure_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    async def fails(error: Exception) -> None:
        raise error

    async def several(_call: Call) -> str:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fails, EmptyReply("nothing came"))
            nursery.start_soon(fails, ExceptionGroup("deeper", [ProtocolBreach("odd"), ZeroDivisionError()]))
        return ""

    assert await conducted(several, "--json") == 1
    told = capsys.readouterr()
    assert sorted(failure["kind"] for failure in json.loads(told.out)["failures"]) == ["empty", "internal", "protocol"]
    assert told.err.endswith("(and 2 more)\n")


async def test_who_had_a_turn_taken_had_a_connection(capsys: pytest.CaptureFixture[str]) -> None:
    async def turned_away(call: Call, *, before: bool) -> str:
        turn = Exchange(request_id="r", kind="start", user="", meter=TurnMeter(0.0), ack={} if before else None)
        call.report.turn(turn)
        raise NoConnection("no room")

    assert await conducted(lambda call: turned_away(call, before=False)) == 3
    assert await conducted(lambda call: turned_away(call, before=True)) == 1
    assert capsys.readouterr().out.count("✗ FAIL no room") == 2


async def test_an_interruption_writes_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    async def talk(call: Call) -> str:
        call.report.summary["so_far"] = 7
        await trio.sleep_forever()

    async def soon() -> None:
        await trio.testing.wait_all_tasks_blocked()

    client = Client(name="test", grammar=grammar, talk=talk)
    with trio.fail_after(LIMIT_S):
        assert await conduct(client, ["--json"], {"TEXT_API_KEY": KEY}, interruption=soon) == 130
    told = capsys.readouterr()
    document = json.loads(told.out)
    assert (document["ok"], document["exit_code"], document["summary"]) == (False, 130, {"so_far": 7})
    assert told.err == "✗ FAIL interrupted\n"


@pytest.mark.parametrize(
    ("argv", "environ", "says"),
    [
        (["--nope"], {}, "unrecognized arguments: --nope"),
        (["--wait", "nan"], {}, "must be a number of seconds over 0"),
        (["--wait", "-1"], {}, "must be a number of seconds over 0"),
        ([], {"TEXT_API_KEY": " , "}, "TEXT_API_KEY"),
        ([], {"RECV_TIMEOUT_SEC": "soon"}, "RECV_TIMEOUT_SEC='soon'"),
        (["--server", "ftp://x"], {}, "is not a server address"),
        (["--auth", "cookie"], {}, "invalid choice: 'cookie'"),
    ],
)
async def test_what_cannot_be_used_exits_2_and_is_in_the_document_too(
    argv: list[str], environ: dict[str, str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def never(_call: Call) -> str:
        raise AssertionError

    assert await conducted(never, *argv, **environ) == 2
    told = capsys.readouterr()
    assert not told.out
    assert says in told.err.splitlines()[-1]
    assert await conducted(never, *argv, "--json", **environ) == 2
    told = capsys.readouterr()
    (failure,) = json.loads(told.out)["failures"]
    assert (failure["kind"], says in failure["detail"]) == ("usage", True)
    assert told.err.splitlines()[-1] == f"✗ FAIL {failure['detail']}"


async def test_help_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    async def never(_call: Call) -> str:
        raise AssertionError

    assert await conducted(never, "--help") == 0
    told = capsys.readouterr()
    assert "exit codes: 0 passed" in told.out
    assert not told.err


async def test_quiet_is_the_verdict_alone_also_where_something_is_odd(capsys: pytest.CaptureFixture[str]) -> None:
    async def talk(call: Call) -> str:
        call.report.head("TEST", "ws://x/ws")
        call.report.warn("odd")
        call.report.note("a pause")
        call.report.failed(EmptyReply("nothing came"), "turn 1")
        async with call.progress(4):
            call.report.line("found")
        return ""

    assert await conducted(talk, "--quiet") == 1
    told = capsys.readouterr()
    assert (told.out, told.err) == ("✗ FAIL nothing came\n", "")


async def test_a_reader_that_leaves_ends_the_run_with_1_and_a_line() -> None:
    async with standing_in() as server:
        ours, theirs = os.pipe()
        os.close(ours)
        done = await run(server, stdout=theirs)
        os.close(theirs)
    assert done.returncode == 1
    assert done.stderr.decode() == "✗ FAIL the report cannot be written: [Errno 32] Broken pipe\n"
    assert server.sessions == [], "nobody would read what it finds"


async def test_where_the_output_is_closed_the_exit_code_tells() -> None:
    """As with `>/dev/null` (runtime/streams.py): who closes it does not want to read."""
    async with standing_in() as server:
        around = {"PATH": os.defpath, "TEXT_API_KEY": KEY, "SERVER_WS_URL": server.url}
        command = ["sh", "-c", f"exec {sys.executable} -m {CLIENT} >&-"]
        with trio.fail_after(LIMIT_S):
            done = await trio.run_process(command, env=around, capture_stderr=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert len(server.sessions) == 1


async def test_a_document_can_be_read_whatever_the_server_put_into_it() -> None:
    async def odd(session: Session, frame: Frame) -> None:
        ids = {"session_id": frame["session_id"], "request_id": frame["request_id"]}
        deep = "[" * 500 + "]" * 500
        await session.send("ack", frame, **{"for": frame["type"], "ok": True})
        payload = f'{{"code":"x","message":"{"m" * 5000}","details":{{"deep":{deep},"huge":1e999}},"usage":{{}}}}'
        text = json.dumps({"type": "error", **ids})[:-1] + f',"payload":{payload}}}'
        await session.socket.send_message(text)

    async with standing_in(odd) as server:
        done = await run(server, "--json")
    assert done.returncode == 1
    told = json.loads(done.stdout, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert told["turns"][0]["error"]["details"]["huge"] is None
    assert len(done.stderr.splitlines()[-1]) < 600


async def test_a_full_disk_ends_the_run_with_1() -> None:
    async with standing_in() as server:
        with open("/dev/full", "wb") as full:  # noqa: ASYNC230  # no wait: it is a device
            done = await run(server, "--json", stdout=full.fileno())
    assert done.returncode == 1
    assert "✗ FAIL the report cannot be written: [Errno 28] No space" in done.stderr.decode().splitlines()[-1]


async def test_what_a_server_sends_moves_no_cursor_and_breaks_no_terminal() -> None:
    async def nasty(session: Session, frame: Frame) -> None:
        await session.reply(frame, ("\x1b[2J\x07 hi\r\n", "there \ud800 – ✓"))

    async with standing_in(nasty) as server:
        shown = await run(server, "--quiet", PYTHONIOENCODING="ascii")
        document = await run(server, "--json", PYTHONIOENCODING="latin-1")
    assert shown.returncode == 0, shown.stderr
    assert document.returncode == 0
    told: dict[str, Any] = json.loads(document.stdout)
    assert told["turns"][0]["text"] == "\x1b[2J\x07 hi\r\nthere \ud800 – ✓"
    assert b"\x1b" not in document.stderr
    assert rb"\x1b[2J" in document.stderr


@pytest.mark.parametrize(
    ("model", "argv", "advised"),
    [(b"demo-x", [], True), (b"demo-x", ["--personality", "demo"], False), (b"Qwen3-8B", [], False)],
)
async def test_a_demo_model_is_told_of_with_what_suits_it(model: bytes, argv: list[str], *, advised: bool) -> None:
    async with standing_in(model=model) as server:
        done = await run(server, *argv)
    assert done.returncode == 0
    assert done.stderr.decode().count("--personality demo") == advised


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_ctrl_c_says_goodbye_and_tells_what_there_is(number: signal.Signals) -> None:
    async def third_hangs(session: Session, frame: Frame) -> None:
        if len(session.seen) < 3:
            await polite(session, frame)
        elif len(session.seen) == 3:
            await session.send("ack", frame, **{"for": "message", "ok": True})
            await session.send("token", frame, text="Half a ")
            hanging.set()

    hanging = trio.Event()
    async with standing_in(third_hangs) as server:
        around = {"PATH": os.defpath, "TEXT_API_KEY": KEY, "SERVER_WS_URL": server.url}
        with trio.fail_after(LIMIT_S):
            process = await trio.lowlevel.open_process(
                [sys.executable, "-m", CLIENT], env=around, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
            await hanging.wait()
            process.send_signal(number)
            process.send_signal(number)
            assert process.stdout is not None
            assert process.stderr is not None
            out = b"".join([part async for part in process.stdout]).decode()
            err = b"".join([part async for part in process.stderr]).decode()
            assert await process.wait() == 130
    assert [frame["type"] for frame in server.sessions[0].seen] == ["start", "message", "message", "end"]
    assert out.count("(n=1)") == 3
    assert out.splitlines()[-1] == "✗ FAIL interrupted"
    assert not err


async def test_a_frame_after_the_last_turn_is_found_by_the_goodbye() -> None:
    async def talks_on(session: Session, frame: Frame) -> None:
        await polite(session, frame)
        if len(session.seen) == 10:
            await session.send("token", frame, text="and another thing")

    async with standing_in(talks_on) as server:
        done = await run(server, "--json")
    assert done.returncode == 1
    assert [failure["kind"] for failure in json.loads(done.stdout)["failures"]] == ["protocol"]
