"""Processes by pid and start time, and the guardian with real ones."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from engines import processes
from engines.guardian import Guardian
from engines.processes import Process

SLEEP = "import time; time.sleep(60)"


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that would live for a minute."""
    process = subprocess.Popen([sys.executable, "-S", "-c", SLEEP])
    yield process
    process.kill()
    process.wait()


def _identify(pid: int) -> Process:
    found = processes.identify(pid)
    assert found is not None
    return found


def _eventually_gone(process: Process) -> None:
    deadline = time.monotonic() + 5
    while processes.is_alive(process):
        assert time.monotonic() < deadline
        time.sleep(0.02)  # noqa: TID251 - no trio here


def test_a_pid_that_was_reused_is_another_process(sleeper: subprocess.Popen[bytes]) -> None:
    found = _identify(sleeper.pid)
    assert processes.is_alive(found)
    earlier = found._replace(ticks=found.ticks - 1)
    assert not processes.is_alive(earlier)
    processes.send([earlier], signal.SIGKILL)
    assert sleeper.poll() is None


def test_a_zombie_does_not_live(sleeper: subprocess.Popen[bytes]) -> None:
    found = _identify(sleeper.pid)
    processes.send([found], signal.SIGKILL)
    _eventually_gone(found)
    assert processes.identify(sleeper.pid) is None


def test_descendants_are_found_through_generations() -> None:
    inner = f"import subprocess, sys; subprocess.run([sys.executable, '-S', '-c', {SLEEP!r}])"
    parent = subprocess.Popen([sys.executable, "-S", "-c", inner])
    try:
        deadline = time.monotonic() + 5
        while not (family := processes.descendants(parent.pid)):
            assert time.monotonic() < deadline
            time.sleep(0.02)  # noqa: TID251 - no trio here
    finally:
        parent.kill()
        parent.wait()
    processes.send(family, signal.SIGKILL)
    for process in family:
        _eventually_gone(process)


def test_a_process_that_vanished_is_nobody() -> None:
    assert processes.stat(2**30) is None
    assert processes.identify(2**30) is None
    assert processes.command_of(2**30) == [b""]


@pytest.mark.parametrize("line", ["5 (odd ) name) S", "", "5 (x) S one 1 1", "\0" * 40])
def test_a_stat_that_cannot_be_understood_says_nothing(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for pid in ("5", "self"):
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "stat").write_text(line)
    monkeypatch.setattr(processes, "PROC", tmp_path)
    for look in (
        lambda: processes.identify(5),
        lambda: processes.is_alive(Process(5, 1)),
        lambda: processes.descendants(1),
    ):
        with pytest.raises(OSError, match="cannot be understood"):
            look()


def test_a_missing_process_table_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "PROC", tmp_path)
    with pytest.raises(FileNotFoundError):
        processes.is_alive(Process(1, 1))


# A server in small: it starts a child, has it guarded (or not yet), and waits to be killed.
SERVER = """
import os, subprocess, sys, trio
from engines import processes
from engines.guardian import Guardian

async def main(record, mark):
    guardian = Guardian(mark)
    await guardian.start()
    if mark:
        name, value = mark.split("=")
        os.environ[name] = value
    child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"])
    if record:
        guardian.record(processes.descendants(os.getpid()))
    print(child.pid, guardian.pid, flush=True)
    await trio.sleep_forever()

trio.run(main, sys.argv[1] == "recorded", sys.argv[2])
"""


@pytest.mark.parametrize(
    ("how", "mark"), [("recorded", ""), ("too-young", "ENGINE_TEST_MARK=83b1")], ids=["recorded", "born-just-before"]
)
def test_a_server_that_is_killed_takes_its_children_along(how: str, mark: str) -> None:
    server = subprocess.Popen([sys.executable, "-c", SERVER, how, mark], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    child, guardian = (_identify(int(pid)) for pid in server.stdout.readline().split())
    server.kill()
    server.wait()
    server.stdout.close()
    _eventually_gone(child)
    _eventually_gone(guardian)


async def test_a_dismissed_guardian_harms_nobody(sleeper: subprocess.Popen[bytes]) -> None:
    with trio.fail_after(10):
        guardian = Guardian()
        await guardian.start()
        guardian.record([_identify(sleeper.pid)])
        await guardian.dismiss(proven=True)
        await guardian.dismiss(proven=True)
        assert guardian.pid is None
        await trio.sleep(0.3)
    assert sleeper.poll() is None


async def test_a_guardian_that_died_is_replaced(sleeper: subprocess.Popen[bytes]) -> None:
    with trio.fail_after(10):
        guardian = Guardian()
        await guardian.start()
        first = guardian.pid
        assert first is not None
        processes.send([_identify(first)], signal.SIGKILL)
        while guardian.pid == first:
            guardian.record([_identify(sleeper.pid)])
            await guardian.ensure()
            await trio.sleep(0.02)
        await guardian.dismiss(proven=True)
