"""The keeper with real processes: who hears a signal, and that nothing is left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import frozen

from tests.descriptors import no_descriptor_left
from tooling.keeper.group import others_in

ROOT = Path(__file__).resolve().parents[3]
# Like an engine's worker: a process of the server's group that would end its streams on Ctrl+C.
CHILD = """
import signal, sys, time
signal.signal(signal.SIGINT, lambda number, frame: print("child heard", number, flush=True))
if sys.argv[1] == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("child ready", flush=True)
while True:
    time.sleep(60)
"""
SERVER = """
import os, signal, subprocess, sys, time
def stop(number, frame):
    print("server heard", number, flush=True)
    time.sleep(0.3)
    sys.exit(7)
signal.signal(signal.SIGINT, stop)
signal.signal(signal.SIGTERM, stop)
child = subprocess.Popen([sys.executable, "-c", sys.argv[1], sys.argv[2]])
print("pids", os.getpid(), child.pid, flush=True)
while True:
    time.sleep(60)
"""
LIMIT_S = 60.0


@frozen
class Kept:
    """A keeper, its server and the server's child. The keeper leads a group, like a terminal's foreground job."""

    keeper: subprocess.Popen[str]
    server: int
    child: int

    def ended(self) -> str:
        """Wait for the keeper; what was printed meanwhile."""
        return self.keeper.communicate(timeout=LIMIT_S)[0]


@pytest.fixture
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    manner = getattr(request, "param", "polite")
    around = os.environ  # noqa: TID251 - a child process needs its PATH and HOME
    keeper = subprocess.Popen(
        [sys.executable, "-m", "tests.keeping", sys.executable, "-c", SERVER, CHILD, manner],
        env={**around, "YAP_HOME": str(tmp_path), "YAP_LOG_FILE": str(tmp_path / "server.log")},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert keeper.stdout is not None
    lines = [keeper.stdout.readline().split() for _ in range(3)]
    pids = next(line for line in lines if line[0] == "pids")
    made = Kept(keeper, int(pids[1]), int(pids[2]))
    yield made
    keeper.kill()
    keeper.wait()
    keeper.stdout.close()
    for pid in (made.server, made.child):
        if alive(pid):
            os.kill(pid, signal.SIGKILL)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone(*pids: int) -> bool:
    deadline = time.monotonic() + LIMIT_S
    while any(alive(pid) for pid in pids) and time.monotonic() < deadline:
        os.sched_yield()
    return not any(alive(pid) for pid in pids)


def test_ctrl_c_reaches_the_server_alone_and_its_exit_code_comes_back(kept: Kept) -> None:
    os.killpg(kept.keeper.pid, signal.SIGINT)
    printed = kept.ended()
    assert printed.split("\n")[0] == f"server heard {int(signal.SIGINT)}"
    assert "child heard" not in printed
    assert kept.keeper.returncode == 7
    assert gone(kept.server, kept.child)


def test_a_closed_terminal_asks_the_server_to_drain(kept: Kept) -> None:
    kept.keeper.send_signal(signal.SIGHUP)
    assert f"server heard {int(signal.SIGTERM)}" in kept.ended()
    assert gone(kept.server, kept.child)


@pytest.mark.parametrize("kept", ["stubborn"], indirect=True)
def test_a_child_that_ignores_the_end_of_its_server_is_ended_for_good(kept: Kept) -> None:
    os.kill(kept.server, signal.SIGKILL)
    kept.ended()
    assert kept.keeper.returncode == 1, "it had never been ready"
    assert gone(kept.server, kept.child)


def test_a_killed_keeper_stops_its_server(kept: Kept) -> None:
    kept.keeper.kill()
    assert gone(kept.server), "nothing but a signal ends it"


def test_a_group_that_cannot_be_looked_at_may_have_members() -> None:
    with no_descriptor_left():
        assert others_in(os.getpgid(0))
        assert others_in(2**30)
    assert not others_in(2**30)
