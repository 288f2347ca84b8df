"""A launch from its preparation to its end: phases, exit codes, what is written down and what is told."""

import os
import signal
import subprocess

import pytest

from runtime.settings import Settings
from tests.keeping import LEAST
from tests.tooling.keeper.launched import Place, ended, eventually
from tooling.keeper import Keeper, Orders
from tooling.refusal import Refusal
from tooling.running import Phase, State
from tooling.running.identity import members


def orders(place: Place, port: int, **more: str) -> Orders:
    """Those of another launch in the same home and directory."""
    environ = {**LEAST, "CHAT_MODEL": "owner/name", "SERVER_PORT": str(port), **more}
    log = place.directory / "server.log"
    return Orders(settings=Settings.from_env(environ), home=place.home, log=log)


def test_a_launch_in_the_foreground_from_begin_to_end(place: Place) -> None:
    go = place.directory / "go"
    keeper = place.launch(f"ready-when={go}", "child")
    waiting = eventually(
        lambda: state if (state := place.state()) and state.progress == "the engine is warming up" else None, "waits"
    )
    assert waiting.phase is Phase.STARTING
    go.touch()
    ready = place.reaches(Phase.READY)
    assert ready.server is not None
    assert (place.home / "run" / ready.key / "server.pid").read_text() == f"{ready.server.pid}\n"
    assert ready.key == str(ready.port) != "0", "the port that it got"
    assert ready.resolved == {"chat_model": "owner/name"}

    keeper.send_signal(signal.SIGTERM)
    code, shown, complaints = ended(keeper)
    assert (code, complaints) == (0, "")
    assert not members(ready.server.pid), "its child went with it"
    over = place.state()
    assert over is not None and over.exit is not None
    assert (over.phase, over.exit.code) == (Phase.STOPPED, 0)
    assert not (place.home / "run" / ready.key / "server.pid").exists()
    for text in (shown, place.log):
        said = [line for line in text.splitlines() if line.startswith(("prep", "heard"))]
        assert said == ["preparing", "heard SIGTERM"]
        assert "the engine is warming up" in text and "ready after" in text
    assert place.log.startswith("===== ") and "\n  the plan\n" in place.log
    assert "the key" not in place.log


def test_a_server_that_is_not_ready_in_time_is_stopped(place: Place) -> None:
    code, _, complaints = ended(place.launch("ready-when=/never", READY_TIMEOUT_S="0.7"))
    assert code == 6
    assert complaints.startswith("not ready within 0.7 s (READY_TIMEOUT_S), stopped; it was at: the engine is warming")
    assert "heard SIGTERM" in place.log
    state = place.state()
    assert state is not None and state.phase is Phase.FAILED


def test_a_server_that_ends_while_it_starts(place: Place) -> None:
    code, shown, complaints = ended(place.launch("exit=3"))
    assert code == 3, "what refuses the settings; everything else is 1"
    assert "the last words" in shown
    assert "the server ended while it started (exit code 3)" in complaints
    assert str(place.directory / "server.log") in complaints


def test_a_server_that_crashes_while_it_serves(place: Place) -> None:
    keeper = place.launch()
    server = place.reaches(Phase.READY).server
    assert server is not None
    server.send(signal.SIGKILL)
    code, _, complaints = ended(keeper)
    assert code == 128 + signal.SIGKILL
    assert "the server ended (SIGKILL)" in complaints
    state = place.state()
    assert state is not None and state.exit is not None
    assert (state.phase, state.exit.signal) == (Phase.FAILED, "SIGKILL")


def test_a_program_that_is_not_there(place: Place) -> None:
    code, _, complaints = ended(place.start(["/no/such/python"], {}))
    assert code == 1
    assert complaints == "run: /no/such/python cannot be started: No such file or directory\n"


def test_who_fled_the_group_and_holds_the_pipe_holds_nobody_up(place: Place) -> None:
    keeper = place.launch("fled")
    place.reaches(Phase.READY)
    pid = int(next(line for line in place.log.splitlines() if line.startswith("fled")).split()[1])
    try:
        keeper.send_signal(signal.SIGINT)
        assert ended(keeper)[0] == 0
    finally:
        subprocess.run(["kill", "-9", str(pid)], check=True)


def test_a_second_start_on_the_same_port_says_who_is_there(place: Place) -> None:
    place.launch()
    state = place.reaches(Phase.READY)
    assert state.server is not None
    with pytest.raises(Refusal) as refused:
        Keeper(orders(place, state.port))
    assert refused.value.exit_code == 4
    for part in (f"pid {state.server.pid}", f"port {state.port}", "owner/name", "up ", "just stop", "just restart"):
        assert part in str(refused.value)


def test_a_server_whose_keeper_was_killed_keeps_its_port_until_it_is_gone(place: Place) -> None:
    keeper = place.launch("deaf")
    state = place.reaches(Phase.READY)
    keeper.kill()
    keeper.wait()
    eventually(lambda: not state.keeper.is_alive(), "the keeper is gone")
    with pytest.raises(Refusal, match="without its keeper") as refused:
        Keeper(orders(place, state.port))
    assert refused.value.exit_code == 4


def test_a_second_server_in_a_directory_writes_a_log_of_its_own(place: Place) -> None:
    place.launch()
    first = place.reaches(Phase.READY)
    second = Keeper(orders(place, 1))
    assert second.log == place.directory / "server-1.log"
    assert first.log == str(place.directory / "server.log")
    third = Keeper(orders(place, 2))
    assert third.log == place.directory / "server-2.log"


def test_what_cannot_be_written_is_refused_before_anything_starts(place: Place) -> None:
    place.directory.joinpath("file").touch()
    place.directory.joinpath("folder").mkdir()
    nowhere = orders(place, 1)
    for log, why in (("file/server.log", "Not a directory"), ("folder", "Is a directory")):
        with pytest.raises(Refusal, match=rf"{log} .*{why}.*--log-file") as refused:
            Keeper(Orders(settings=nowhere.settings, home=place.home, log=place.directory / log))
        assert refused.value.exit_code == 3
    with pytest.raises(Refusal, match=r"YAP_HOME=.*another directory"):
        Keeper(Orders(settings=nowhere.settings, home=place.directory / "file", log=nowhere.log))


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)], ids=str
)
def test_a_signal_while_preparing(place: Place, number: signal.Signals, code: int) -> None:
    keeper = place.launch(KEEP_PREPARING="wait")
    eventually(lambda: (state := place.state()) and state.progress == "preparing", "prepares")
    keeper.send_signal(number)
    assert ended(keeper)[0] == code
    state = place.state()
    assert state is not None and state.exit is not None
    assert (state.phase, state.exit.code, state.server) == (Phase.STOPPED, code, None)


def test_what_its_caller_ignores_it_ignores(place: Place) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # what nohup does
    try:
        keeper = place.launch(KEEP_PREPARING="wait")
    finally:
        signal.signal(signal.SIGHUP, before)
    eventually(lambda: (state := place.state()) and state.progress == "preparing", "prepares")
    keeper.send_signal(signal.SIGHUP)
    keeper.send_signal(signal.SIGINT)
    assert ended(keeper)[0] == 130


def test_a_refusal_while_preparing(place: Place) -> None:
    code, _, complaints = ended(place.launch(KEEP_PREPARING="refuse"))
    assert (code, complaints) == (3, "run: no such model\n")
    assert "no such model" in place.log
    state = place.state()
    assert state is not None and state.phase is Phase.FAILED


def test_whoever_reads_may_leave(place: Place) -> None:
    keeper = place.launch("print=50000")
    place.reaches(Phase.READY)
    assert keeper.stdout is not None
    keeper.stdout.close()
    eventually(lambda: "number 049999" in place.log, "everything is in the log")
    keeper.stdout = None
    keeper.send_signal(signal.SIGINT)
    assert ended(keeper)[0] == 0


def test_a_log_that_takes_nothing_holds_nobody_up(place: Place) -> None:
    keeper = place.launch("print=5", YAP_LOG_FILE="/dev/full")
    place.reaches(Phase.READY)
    keeper.send_signal(signal.SIGTERM)
    code, shown, _ = ended(keeper)
    assert code == 0
    assert shown.count("the log /dev/full cannot be written (No space left on device); the server goes on") == 1


def test_a_state_that_cannot_be_written_holds_nobody_up(place: Place) -> None:
    go = place.directory / "go"
    keeper = place.launch(f"ready-when={go}")
    eventually(lambda: (state := place.state()) and state.progress == "the engine is warming up", "waits")
    (place.home / "run").rename(place.home / "away")
    (place.home / "run").touch()
    go.touch()
    eventually(lambda: "ready after" in place.log, "ready all the same")
    assert place.log.count("the state of this launch cannot be written (Not a directory); it goes on") == 1
    (place.home / "run").unlink()
    assert place.reaches(Phase.READY).server is not None, "it is tried again"
    keeper.send_signal(signal.SIGTERM)
    assert ended(keeper)[0] == 0


def test_in_the_background_it_leaves_the_terminal_and_its_caller(place: Place) -> None:
    caller = place.launch(KEEP_HOW="detach")
    code, shown, complaints = ended(caller)
    assert (code, shown) == (0, "the key is in the terminal only\n")
    assert "preparing" in complaints
    state: State = place.reaches(Phase.READY)
    assert os.getsid(state.keeper.pid) == state.keeper.pid, "a session of its own"
    with open(f"/proc/{state.keeper.pid}/fd/0", "rb") as stdin:
        assert stdin.read() == b""
    state.keeper.send(signal.SIGTERM)
    assert place.reaches(Phase.STOPPED).exit is not None


def test_who_waits_for_the_background_may_stop_waiting(place: Place) -> None:
    go = place.directory / "go"
    caller = place.launch(f"ready-when={go}", KEEP_HOW="detach")
    assert caller.stderr is not None
    lines = iter(caller.stderr.readline, "")
    assert next(line for line in lines if "warming up" in line)
    caller.send_signal(signal.SIGINT)
    code, _, complaints = ended(caller)
    assert code == 130
    assert "just status, just logs, just stop" in complaints
    go.touch()
    assert place.reaches(Phase.READY).is_alive()


@pytest.mark.parametrize(
    ("words", "environ", "code", "told"),
    [
        (["exit=0"], {}, 1, "the last words"),
        (["ready-when=/never"], {"READY_TIMEOUT_S": "0.5"}, 6, "not ready within 0.5 s"),
        ([], {"KEEP_PREPARING": "refuse"}, 3, "no such model"),
    ],
    ids=["it ends", "it is late", "it is refused"],
)
def test_what_goes_wrong_in_the_background_is_told_in_front(
    place: Place, words: list[str], environ: dict[str, str], code: int, told: str
) -> None:
    seen, shown, complaints = ended(place.launch(*words, KEEP_HOW="detach", **environ))
    assert (seen, shown) == (code, "")
    assert told in complaints
    assert str(place.directory / "server.log") in complaints
