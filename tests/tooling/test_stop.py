"""Stopping: whatever state a launch is in, and nobody else's process."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from attrs import evolve

from tests.tooling.keeper.launched import Place, ended, eventually
from tooling import stop
from tooling.running import Identity, Phase, State, write_state
from tooling.running.identity import members


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits that tests can afford; which signal comes when is the same."""
    for name in ("SECOND_WAIT_S", "NOW_WAIT_S"):
        monkeypatch.setattr(stop, name, 0.2)


def stopped(place: Place, *words: str) -> int:
    """Run the command on a place; its exit code."""
    return stop.main(words, {"YAP_HOME": str(place.home)})


def test_a_server_is_asked_and_ends(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    keeper = place.launch("child")
    state = place.reaches(Phase.READY)
    assert state.server is not None
    assert stopped(place) == 0
    assert ended(keeper)[0] == 0, "and its keeper is gone, too"
    assert not members(state.server.pid)
    told = capsys.readouterr().err
    assert told.startswith(f"stopping port {state.port}: ready, pid {state.server.pid}, owner/name, up ")
    assert "stopped after" in told
    assert place.log.count("heard SIGTERM") == 1
    assert stopped(place) == 0
    assert capsys.readouterr().err == "nothing runs: there is nothing to stop\n"
    assert stopped(place, "--port", "1") == 0
    assert capsys.readouterr().err == "nothing runs on port 1: there is nothing to stop\n"


@pytest.mark.parametrize("words", [["--now"], ["--timeout", "0.2"]])
def test_a_server_that_does_not_end_is_told_again_and_killed(place: Place, words: list[str]) -> None:
    keeper = place.launch("deaf", "child")
    state = place.reaches(Phase.READY)
    assert state.server is not None
    assert stopped(place, *words) == 0
    ended(keeper)
    assert not members(state.server.pid)
    assert place.log.count("heard SIGTERM") == 2
    over = place.reaches(Phase.STOPPED)
    assert over.exit is not None and over.exit.signal == "SIGKILL"


def test_a_launch_that_still_prepares(place: Place) -> None:
    keeper = place.launch(KEEP_PREPARING="wait")
    eventually(lambda: (state := place.state()) and state.progress == "preparing", "prepares")
    assert stopped(place) == 0
    assert ended(keeper)[0] == 143


def test_a_launch_in_the_background_that_starts(place: Place) -> None:
    caller = place.launch("ready-when=/never", KEEP_HOW="detach")
    place.reaches(Phase.STARTING)
    eventually(lambda: (state := place.state()) and state.port, "listens")
    assert stopped(place) == 0
    code, _, complaints = ended(caller)
    assert code == 143
    assert "stopped before it was ready" in complaints


def test_a_keeper_that_was_killed_and_a_server_that_hangs(place: Place) -> None:
    keeper = place.launch("deaf", "child")
    state = place.reaches(Phase.READY)
    assert state.server is not None
    keeper.kill()
    keeper.wait()
    assert stopped(place, "--now") == 0
    assert not members(state.server.pid), "its orphans, too"
    over = place.state()
    assert over is not None and (over.phase, over.requested) == (Phase.FAILED, {"words": ["chat"]})


def test_a_keeper_that_hangs(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stop, "LAST_WAIT_S", 0.3)
    keeper = place.launch()
    state = place.reaches(Phase.READY)
    keeper.send_signal(signal.SIGSTOP)
    try:
        assert stopped(place, "--now") == 0
    finally:
        keeper.kill()
    assert not state.is_alive()


def test_another_process_with_the_same_number_is_left_alone(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], process_group=0) as other:
        try:
            reused = evolve(Identity.of(other.pid), start_ticks=1)
            write_state(
                place.home,
                State(
                    key="8000",
                    host="0.0.0.0",
                    port=8000,
                    phase=Phase.READY,
                    keeper=reused,
                    server=reused,
                    started=time.time(),
                ),
            )
            assert stopped(place, "--now") == 0
            assert capsys.readouterr().err == (
                f"port 8000: pid {other.pid} is gone without a word; its state is cleared, nothing was signalled\n"
            )
            assert other.poll() is None
            assert place.reaches(Phase.FAILED).is_alive() is False
            assert not (place.home / "run/8000/server.pid").exists()
        finally:
            other.kill()


def test_a_state_that_says_nothing(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    path = place.home / "run/8000/state.json"
    path.parent.mkdir(parents=True)
    path.write_text("{")
    assert stopped(place) == 1
    told = capsys.readouterr().err
    assert told.startswith(f"stop: {path}: no state of a launch") and "delete the file" in told


@pytest.mark.parametrize("words", ["--port x", "--port 70000", "--timeout -1", "--timeout soon", "--what", "8000"])
def test_words_that_make_no_sense(tmp_path: Path, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        stop.main(words.split(), {"YAP_HOME": str(tmp_path)})
    assert left.value.code == 2
    assert "invalid _" not in capsys.readouterr().err  # the name of a function of ours says nothing


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        stop.main(["-h"], {})
    assert left.value.code == 0
    assert "exit codes" in capsys.readouterr().out
