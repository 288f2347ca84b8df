"""Could not look is not gone: an engine's processes, seen from a server that has no descriptor left."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import structlog
import trio

from engines import processes
from engines.classifier.worker import Worker
from engines.errors import EngineDead
from engines.family import Family
from engines.guardian import Guardian
from engines.island import Island
from engines.processes import Process
from engines.trt.workers import is_worker as is_trt_worker
from engines.vllm.workers import is_worker as is_vllm_worker
from engines.watched import Watched
from tests.descriptors import no_descriptor_left

SLEEP = [sys.executable, "-S", "-c", "import time; time.sleep(60)"]


@pytest.fixture
def children() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Two processes that would live for a minute."""
    running = [subprocess.Popen(SLEEP) for _ in range(2)]
    yield running
    for child in running:
        child.kill()
        child.wait()


def _sleeping(environ: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(SLEEP, env=environ)


def _identify(child: subprocess.Popen[bytes]) -> Process:
    found = processes.identify(child.pid)
    assert found is not None
    return found


LOOKS: dict[str, Callable[[Process], object]] = {
    "identify": lambda process: processes.identify(process.pid),
    "is_alive": processes.is_alive,
    "is_to_end": processes.is_to_end,
    "command": lambda process: processes.command_of(process.pid),
    "descendants": lambda _: processes.descendants(os.getpid()),
    "marked": lambda _: processes.marked(b"ENGINE_TEST_MARK=1"),
    "vllm-worker": is_vllm_worker,
    "trt-worker": is_trt_worker,
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_a_look_that_fails_is_no_answer(
    look: Callable[[Process], object], children: list[subprocess.Popen[bytes]]
) -> None:
    found = _identify(children[0])
    with no_descriptor_left(), pytest.raises(OSError, match="Too many open files"):
        look(found)


def test_a_signal_goes_to_nobody_who_cannot_be_seen(children: list[subprocess.Popen[bytes]]) -> None:
    found = _identify(children[0])
    with no_descriptor_left():
        processes.send([found], signal.SIGKILL)
    time.sleep(0.05)  # noqa: TID251 - no trio here
    assert processes.is_alive(found)


def test_who_is_watched_is_never_taken_for_another_with_its_pid(children: list[subprocess.Popen[bytes]]) -> None:
    found = _identify(children[0])
    with pytest.raises(ProcessLookupError):
        Watched(found._replace(ticks=found.ticks + 1))
    with no_descriptor_left(), pytest.raises(OSError, match="Too many open files"):
        Watched(found)


async def test_vital_members_are_seen_to_live_to_stop_and_to_die_without_a_descriptor(
    children: list[subprocess.Popen[bytes]],
) -> None:
    family = Family("", lambda process: process.pid in [child.pid for child in children])
    with trio.fail_after(10):
        await family.settle()
        with no_descriptor_left():
            assert family.missing() == []
            children[0].send_signal(signal.SIGSTOP)
            while family.stopped() is None:
                await trio.sleep(0.01)
            assert f"process {children[0].pid} is stopped" in str(family.stopped())
            children[0].send_signal(signal.SIGCONT)
            while family.stopped() is not None:
                await trio.sleep(0.01)
            children[1].kill()
            while not family.missing():
                await trio.sleep(0.01)
            assert [process.pid for process in family.missing()] == [children[1].pid]


async def test_members_that_cannot_be_seen_at_the_start_are_an_error_and_not_forgotten(
    children: list[subprocess.Popen[bytes]],
) -> None:
    family = Family("", lambda process: process.pid == children[0].pid)
    with no_descriptor_left(), pytest.raises(OSError, match="Too many open files"):
        await family.settle()
    await family.settle()
    assert [process.pid for process in family.vital] == [children[0].pid]


@pytest.mark.parametrize("known", [True, False], ids=["known", "never-seen"])
async def test_without_a_proof_of_their_end_the_guardian_ends_them(known: bool) -> None:
    mark = f"ENGINE_TEST_MARK={os.getpid()}{known}"
    name, value = mark.split("=")
    family = Family(mark, lambda _: False)
    with trio.fail_after(20):
        await family.begin()
        with _sleeping({name: value}) as child:
            found = _identify(child)
            if known:
                await family.record()
            with no_descriptor_left():
                await family.end()
                assert child.poll() is None, "it cannot be seen from here"
                await family.dismiss()
            assert not processes.is_alive(found)


async def test_a_member_that_is_seen_is_ended_without_a_descriptor_too(children: list[subprocess.Popen[bytes]]) -> None:
    family = Family("", lambda process: process.pid in [child.pid for child in children])
    with trio.fail_after(20):
        await family.settle()
        with no_descriptor_left():
            await family.kill()
            while any(child.poll() is None for child in children):
                await trio.sleep(0.01)


async def test_a_guardian_that_cannot_be_replaced_is_told_once_and_tried_again(
    children: list[subprocess.Popen[bytes]],
) -> None:
    guardian, known = Guardian(), [_identify(child) for child in children]
    with trio.fail_after(20), structlog.testing.capture_logs() as logs:
        await guardian.start()
        guardian.record(known[:1])
        assert guardian.pid is not None
        first = processes.identify(guardian.pid)
        assert first is not None
        os.kill(guardian.pid, signal.SIGKILL)
        while processes.is_alive(first):
            await trio.sleep(0.01)
        with no_descriptor_left():
            for _ in range(3):
                await guardian.ensure()
                guardian.record(known[1:])
        await guardian.ensure()
        assert [line["event"] for line in logs] == ["engine.unguarded"]
        assert await guardian.dismiss(proven=False)
    assert not any(map(processes.is_alive, known))


async def _nothing() -> None:
    """For an island that has no loop."""


async def test_an_island_without_descriptors_or_threads_does_not_start_and_can_be_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with trio.fail_after(10):
        island: Island[int] = Island("test", lambda _: None)
        with no_descriptor_left(), pytest.raises(OSError, match="Too many open files"):
            await island.start()
        assert await island.stop(1)
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", _refuse)
            with pytest.raises(RuntimeError, match="can't start new thread"):
                await island.start()
        assert await island.stop(1)
        await island.start()
        await island.run(_nothing)
        assert await island.stop(1)


async def test_a_worker_without_a_thread_is_dead_and_can_be_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker("test")
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", _refuse)
        with pytest.raises(EngineDead, match=r"no test thread.*can't start new thread"):
            await worker.run(lambda: 1)
    assert await worker.close(1)


def _refuse(_: threading.Thread) -> None:
    # What CPython raises when the system has no more threads for it.
    raise RuntimeError("can't start new thread")
