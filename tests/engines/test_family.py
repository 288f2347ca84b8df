"""A family that knows when one of its members was stopped."""

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
import trio

from engines.family import Family


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits."""
    with subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE) as running:
        yield running
        running.kill()


async def _until(family: Family, stopped: bool) -> str | None:
    with trio.fail_after(5):
        while (family.stopped() is not None) is not stopped:
            await trio.sleep(0.01)
    return family.stopped()


async def test_a_stopped_member_is_named_until_it_goes_on(child: subprocess.Popen[bytes]) -> None:
    family = Family("", lambda process: process.pid == child.pid)
    await family.settle()
    assert family.stopped() is None
    child.send_signal(signal.SIGSTOP)
    assert f"process {child.pid} is stopped" in str(await _until(family, stopped=True))
    assert family.missing() == []
    child.send_signal(signal.SIGCONT)
    await _until(family, stopped=False)


async def test_a_dead_member_is_missing_and_not_stopped(child: subprocess.Popen[bytes]) -> None:
    family = Family("", lambda process: process.pid == child.pid)
    await family.settle()
    child.send_signal(signal.SIGSTOP)
    await _until(family, stopped=True)
    child.kill()
    child.wait()
    assert family.stopped() is None
    assert [process.pid for process in family.missing()] == [child.pid]
