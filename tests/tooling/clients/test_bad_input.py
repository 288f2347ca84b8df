"""Bad input of every client, and Ctrl+C at every stage: the right code, one line, one document, a goodbye."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import trio

from tests.runtime.serving import says, serving
from tests.tooling.clients.cells import NOTHING, Ran
from tests.tooling.clients.faulty.doors import FAULTS as DOORS
from tests.tooling.clients.faulty.host import Door, Host, Manners, hosting
from tests.tooling.clients.faulty.steps import Say, Step, Wait, ack
from tests.tooling.clients.faulty.wire import Frame
from tests.tooling.clients.programs import PROGRAMS, TALKING, run_named, together, virtually

LIMIT_S = 60
MODULES = (*PROGRAMS, "live")
SECRET = "not-the-key-of-this-server"


def told(name: str, *argv: str, environ: Mapping[str, str] = NOTHING) -> Ran:
    """What a client makes of a command line, with nobody listening."""
    return virtually(lambda: run_named(name, "ws://127.0.0.1:9/ws", *argv, environ=environ))


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize(
    ("argv", "environ", "words"),
    [
        ([], {"TEXT_API_KEY": ""}, ("TEXT_API_KEY", "--api-key")),
        (["--nope"], {}, ("--nope",)),
        (["--server", "ftp://127.0.0.1"], {}, ("ftp://127.0.0.1", "is not a server address")),
        (["--server", "ws://127.0.0.1:99999"], {}, ("is not a server address",)),
        (["--server", "ws://[::1"], {}, ("is not a server address",)),
        ([], {"SERVER_WS_URL": "http://a b/"}, ("is not a server address",)),
        (["--api-key", "a\nb"], {}, ("the key has control characters in it",)),
        (["--auth", "bearer", "--api-key", "clé"], {}, ("cannot travel as bearer",)),
        ([], {"RECV_TIMEOUT_SEC": "0"}, ("RECV_TIMEOUT_SEC",)),
        ([], {"TEST_WS_PING_INTERVAL": "often"}, ("TEST_WS_PING_INTERVAL",)),
    ],
)
def test_what_cannot_be_used_exits_2_and_says_what_to_change(
    name: str, argv: list[str], environ: dict[str, str], words: tuple[str, ...]
) -> None:
    ended = told(name, *argv, environ=environ)
    assert (ended.code, ended.kinds) == (2, ["usage"])
    assert all(word in ended.last for word in words), ended.last


@pytest.mark.parametrize(
    ("name", "argv", "words"),
    [
        ("bench", ["-n", "1e3"], "'1e3' is not a whole number"),
        ("cancel", ["--cancel-delay", "soon"], "must be a number of seconds, 0 or more"),
        ("conversation", ["--recv-timeout", "nan"], "must be a number of seconds over 0"),
    ],
)
def test_what_is_no_number_is_told_as_such(name: str, argv: list[str], words: str) -> None:
    ended = told(name, *argv)
    assert (ended.code, ended.kinds) == (2, ["usage"])
    assert ended.last.endswith(words)


@pytest.mark.parametrize("name", TALKING)
@pytest.mark.parametrize("argv", [["--gender", "robot"], ["--personality", "42"], ["--personality", ""]])
def test_a_persona_that_is_none_exits_2(name: str, argv: list[str]) -> None:
    ended = told(name, *argv)
    assert (ended.code, ended.kinds) == (2, ["usage"]), ended.err


@pytest.mark.parametrize("name", PROGRAMS)
def test_nobody_there_exits_3_after_three_attempts(name: str) -> None:
    ended = told(name)
    assert (ended.code, set(ended.kinds)) == (3, {"connection_failed"})
    assert "no connection to ws://127.0.0.1:9/ws" in ended.last


async def test_a_wrong_key_exits_3_names_the_variable_and_is_never_shown() -> None:
    """Against our server; the key travels in each of the three ways."""
    ways = ("query", "header", "bearer")
    found: dict[str, Ran] = {}

    async def run(name: str, way: str, url: str) -> None:
        found[name] = await run_named(name, url, "--auth", way, environ={"TEXT_API_KEY": f"{SECRET}, another"})

    async with serving(says("never asked"), AUTH_MAX_FAILURES="1000") as place:
        with trio.fail_after(LIMIT_S), together():
            async with trio.open_nursery() as nursery:
                for number, name in enumerate(PROGRAMS):
                    url = f"http://127.0.0.1:{place.port}/?api_key=also-wrong"
                    nursery.start_soon(run, name, ways[number % 3], url)
    for name, ended in found.items():
        assert (ended.code, set(ended.kinds)) == (3, {"connection_failed"}), name
        assert "authentication_failed/invalid_key" in ended.last
        assert "TEXT_API_KEY" in ended.last
        assert SECRET not in ended.out + ended.err
        assert "also-wrong" not in ended.out + ended.err


def half(frame: Frame) -> list[Step]:
    """A reply that stops in the middle."""
    return [
        ack(frame),
        Say("toolcall", {"status": "no", "raw": [], "score": 0.1}),
        Say("token", {"text": "Well"}),
        Wait(9),
    ]


DOOR = next(fault.server for fault in DOORS if fault.name == "TCP that says nothing")
STAGES: Mapping[str, Manners | Door] = {
    "connecting": DOOR,
    "before the ack": Manners(turn=lambda _: [], ping=lambda _: []),
    "in mid-reply": Manners(turn=half, ping=lambda _: []),
}


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("name", PROGRAMS)
def test_ctrl_c_ends_a_run_soon_with_130_a_document_and_a_goodbye(name: str, stage: str) -> None:
    async def soon() -> None:
        await trio.sleep(0.5)

    async def run() -> tuple[Ran, Host, float]:
        async with hosting(STAGES[stage]) as host:
            began = trio.current_time()
            ended = await run_named(name, host.url, interruption=soon)
            return ended, host, trio.current_time() - began

    ended, host, took_s = virtually(run)
    assert ended.code == 130
    assert (ended.document["ok"], ended.document["exit_code"]) == (False, 130)
    assert ended.last.startswith("✗ FAIL ")
    assert ended.last.endswith("interrupted")
    assert took_s < 5
    for visit in host.visits:
        assert [frame["type"] for frame in visit.seen][-1] == "end", "somebody left without a word"
    if stage == "in mid-reply" and name in TALKING:
        assert ended.document["turns"][0]["text"] == "Well"
        assert ended.document["turns"][0]["outcome"] == "closed"


@pytest.mark.parametrize("name", MODULES)
def test_a_program_without_anything_to_read_from_or_write_to_ends_with_a_line(name: str) -> None:
    """As a process: standard input is closed, and whoever was to read the report has gone."""
    ours, theirs = os.pipe()
    os.close(ours)
    command = f"exec {sys.executable} -m tooling.clients.{name} <&-"
    environ = {"PATH": os.defpath, "TEXT_API_KEY": SECRET, "SERVER_WS_URL": "ws://127.0.0.1:9/ws", "HOME": os.devnull}
    done = subprocess.run(
        ["/bin/sh", "-c", command], stdout=theirs, stderr=subprocess.PIPE, env=environ, check=False, timeout=LIMIT_S
    )
    os.close(theirs)
    said = done.stderr.decode()
    assert done.returncode in (1, 2, 3), said
    assert said.strip(), "it says nothing"
    assert "Traceback" not in said
    assert SECRET not in said


def test_ctrl_c_while_a_program_is_still_being_imported_is_one_line_and_130(tmp_path: Path) -> None:
    """As a process, in the place of whose first library something stands that presses the keys."""
    (tmp_path / "attrs.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    environ = {"PATH": os.defpath, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "tooling.clients.warmup"],
        capture_output=True,
        env=environ,
        check=False,
        timeout=LIMIT_S,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"interrupted\n")
