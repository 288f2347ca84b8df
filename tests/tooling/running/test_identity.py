"""A process is known beyond its number."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from attrs import evolve

from tooling.running import Identity
from tooling.running.identity import members, wait_gone

WAITS = [sys.executable, "-c", "import sys; sys.stdin.read()"]


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process in a group of its own that ends when its input does."""
    with subprocess.Popen(WAITS, stdin=subprocess.PIPE, process_group=0) as started:
        yield started
        started.kill()


def test_the_same_number_is_not_the_same_process(child: subprocess.Popen[bytes]) -> None:
    known = Identity.of(child.pid)
    assert known.is_alive()
    assert 0 <= known.age_s() < 3600
    for other in (evolve(known, start_ticks=known.start_ticks - 1), evolve(known, boot_id="of another boot")):
        assert not other.is_alive()
        assert not other.send(signal.SIGKILL)
    assert child.poll() is None, "nobody else's process was touched"
    assert known.send(signal.SIGKILL)
    child.wait()
    assert not known.is_alive() and not known.send(signal.SIGKILL)


def test_a_dead_process_that_nobody_reaped_does_not_live(child: subprocess.Popen[bytes]) -> None:
    known = Identity.of(child.pid)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert Identity.of(child.pid) == known, "its number is still its own"
    assert not known.is_alive()
    assert members(child.pid) == []


def test_waiting_ends_with_the_process_or_with_the_time(child: subprocess.Popen[bytes]) -> None:
    known = Identity.of(child.pid)
    assert members(child.pid) == [known]
    assert not wait_gone([known], 0.01)
    child.kill()
    assert wait_gone([known, evolve(known, pid=child.pid + 1)], 30)


def test_no_process_has_this_number() -> None:
    with pytest.raises(ProcessLookupError):
        Identity.of(2**22)  # the most that a kernel gives, see proc(5)
    assert not Identity(2**22, 1, "boot").is_alive()
    assert not Identity(2**22, 1, "boot").send(signal.SIGTERM)
    assert wait_gone([Identity(2**22, 1, "boot")], 0)
    with pytest.raises(ValueError, match="pid"):
        Identity(0, 1, "boot")
