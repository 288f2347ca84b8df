"""`logs` and `status` beside real servers, and the real server in a real terminal."""

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pexpect
import pytest

from tests.e2e.program import scripted
from tests.tooling.keeper.launched import LIMIT_S, Place, ended, eventually
from tooling import stop
from tooling.logs.command import run as logs
from tooling.running import Phase
from tooling.status.command import run as status


def around(place: Place) -> dict[str, str]:
    """What the commands get."""
    return {"YAP_HOME": str(place.home)}


def test_the_real_server_in_a_terminal(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    settings = {**scripted(METRICS_ENABLED="1"), "TERM": "xterm-256color", "HF_HUB_OFFLINE": "1"}
    terminal = pexpect.spawn(
        sys.executable,
        ["-m", "tests.keeping", sys.executable, "-m", "runtime"],
        cwd=str(place.directory),
        env={**place.environ(**settings)},
        timeout=90,
        encoding="utf-8",
    )
    try:
        terminal.expect("keeper: ready after [0-9.]+ s at 127.0.0.1:([0-9]+), pid ([0-9]+)")
        port, pid = terminal.match.group(1), int(terminal.match.group(2))
        assert status([], around(place)) == 0
        shown = capsys.readouterr().out
        assert re.search(rf"port {port}: ready\n  pid +{pid}, its keeper {terminal.pid}; up ", shown)
        assert re.search(r"connections +0 of 16\n  turns +0\n", shown)
        assert status(["--json"], around(place)) == 0
        (server,) = json.loads(capsys.readouterr().out)["servers"]
        assert (server["ready"], server["pid"], server["numbers"]) == (
            True,
            pid,
            {"connections": 0, "limit": 16, "turns": 0},
        )
        assert os.getpgid(pid) == pid != os.getpgid(terminal.pid)
        terminal.sendintr()
        terminal.expect("server.stopping.*SIGINT")
        terminal.expect(pexpect.EOF)
        terminal.wait()
        assert terminal.exitstatus == 0
    finally:
        terminal.close(force=True)
    log = place.log
    assert "server.ready" in log and "\x1b" not in log
    assert "k-1" not in log + (place.home / "run" / port / "state.json").read_text()
    assert status([], around(place)) == 5


def test_two_ctrl_c_in_a_terminal_end_what_does_not_drain(place: Place) -> None:
    small = str(Path(__file__).parent / "keeper" / "small_server.py")
    terminal = pexpect.spawn(
        sys.executable,
        ["-m", "tests.keeping", sys.executable, small, "deaf", "child"],
        cwd=str(place.directory),
        env={**place.environ()},
        timeout=LIMIT_S,
        encoding="utf-8",
    )
    try:
        terminal.expect("keeper: ready")
        terminal.sendintr()
        terminal.expect("heard SIGINT")
        terminal.sendintr()
        terminal.expect("heard SIGINT")
        terminal.expect(pexpect.EOF)
        terminal.wait()
        assert terminal.exitstatus == 128 + signal.SIGKILL
    finally:
        terminal.close(force=True)


def test_a_follower_sees_every_line_of_a_server_that_is_rotated_under_it(place: Place) -> None:
    lines = 6000
    keeper = place.launch(f"print={lines}", "ready-when=go", LOG_MAX_BYTES="65536", LOG_KEEP="50")
    place.reaches(Phase.STARTING)
    follower = subprocess.Popen(
        [sys.executable, "-m", "tooling.logs", "-n", "0"],
        env=place.environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    place.keepers.append(follower)  # type: ignore[arg-type]
    assert follower.stdout is not None
    eventually(lambda: has_open(follower.pid, place.directory / "server.log"), "it reads")
    (place.directory / "go").touch()
    seen = []
    for line in follower.stdout:
        if line.startswith(b"number"):
            seen.append(int(line.split()[1]))
            if seen[-1] == lines - 1:
                break
    assert seen == list(range(lines))
    assert (place.directory / "server.log.4").exists(), "it was rotated often"
    follower.send_signal(signal.SIGINT)
    follower.communicate(timeout=LIMIT_S)
    assert follower.returncode == 0
    assert keeper.poll() is None, "Ctrl+C never reaches the server"
    assert stop.main([], around(place)) == 0
    ended(keeper)


def has_open(pid: int, file: Path) -> bool:
    """Whether a process has a file open."""
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            if entry.readlink() == file:
                return True
    return False


def test_the_log_of_the_last_launch_and_none_at_all(place: Place, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    def shown(*words: str) -> tuple[int, list[str]]:
        code = logs(words, around(place), place.directory)
        captured = capfdbinary.readouterr()
        return code, (captured.out + captured.err).decode().splitlines()

    assert shown() == (5, ["logs: nothing was launched: there is no log to show; just status lists the servers"])
    ended(place.launch("exit=1"))
    code, lines = shown("--no-follow", "-n", "2")
    assert code == 0
    assert lines[0] == "the last words" and lines[1].startswith("keeper: the server ended")
    code, lines = shown("--head", "2")
    assert lines[0].startswith("=====") and lines[1] == "  the plan"
    assert shown("--no-follow", "-n", "0") == (0, [])
    (place.directory / "server.log").rename(place.directory / "moved")
    code, lines = shown("--no-follow")
    assert code == 5 and "is gone" in lines[0]
    assert shown("--port", "7")[0] == 5


def test_a_reader_that_has_enough_ends_the_command_quietly(place: Place) -> None:
    (place.directory / "server.log").write_bytes(b"a line\n" * 100_000)
    ended_with = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m tooling.logs -n 100000 | head -n 1"],
        cwd=place.directory,
        env=place.environ(),
        capture_output=True,
        timeout=LIMIT_S,
        check=True,
    )
    assert (ended_with.stdout, ended_with.stderr) == (b"a line\n", b"")


def test_several_servers_are_told_apart(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    keepers = [place.launch()]
    first = place.reaches(Phase.READY)
    keepers.append(place.launch("ready-when=go"))
    eventually(lambda: (state := place.state()) != first and state and state.port, "both listen")
    second = place.state()
    assert second is not None and second.log != first.log
    assert logs([], around(place), place.directory) == 2
    assert stop.main([], around(place)) == 2
    told = capsys.readouterr().err
    assert f"just stop --port {first.key}" in told and f"just logs --port {second.key}" in told
    assert status([], around(place)) == 6, "one of them is not ready"
    assert "starting: the engine is warming up" in capsys.readouterr().out
    assert status(["--port", first.key], around(place)) == 0
    for state in (first, second):
        assert stop.main(["--port", state.key], around(place)) == 0
    for keeper in keepers:
        ended(keeper)


def test_a_server_that_was_ready_and_is_not_now_is_not_ready(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    go = place.directory / "go"
    go.touch()
    keeper = place.launch("ready-when=go")
    state = place.reaches(Phase.READY)
    go.unlink()
    assert status([], around(place)) == 6
    assert capsys.readouterr().out.startswith(f"port {state.key}: not ready: the engine is warming up\n")
    assert stop.main([], around(place)) == 0
    ended(keeper)


def test_status_of_what_is_stale_or_says_nothing(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert status([], around(place)) == 5
    assert capsys.readouterr().out == "nothing runs here; just run --detach starts a server\n"
    keeper = place.launch()
    state = place.reaches(Phase.READY)
    keeper.kill()
    eventually(lambda: not state.is_alive(), "it is told to stop by the death of its keeper")
    broken = place.home / "run/9/state.json"
    broken.parent.mkdir()
    broken.write_bytes(b"\xff")
    assert status([], around(place)) == 5
    shown = capsys.readouterr().out
    assert f"port {state.key}: stale: it ended without a word; just stop clears it" in shown
    assert f"unreadable: {broken}: no state of a launch" in shown


@pytest.mark.parametrize("words", [["-n", "-3"], ["-n", "x"], ["--head", "1.5"]])
def test_how_many_lines_is_a_number(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        logs(words, {"YAP_HOME": str(tmp_path)}, tmp_path)
    assert left.value.code == 2
    assert f"{words[1]!r} is no number of lines" in capsys.readouterr().err
