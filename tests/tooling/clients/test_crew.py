"""Several processes that make load together: a common start, what they tell, how they stop, how they die."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from tooling.clients.load import crew
from tooling.clients.load.crew import Crew, Death, processes_for
from tooling.clients.load.health import Health, Pulse, bottleneck

MODULE = "tests.tooling.clients.employee"
LIMIT_S = 60
ROOT = Path(__file__).parents[3]
ENVIRON = {"PATH": os.defpath, "PYTHONPATH": str(ROOT)}


class Gathered:
    """A crew with what came of it."""

    def __init__(self, *does: str, **job: Any) -> None:
        self.records: list[dict[str, Any]] = []
        self.deaths: list[Death] = []
        self.told = trio.Event()
        self.crew = Crew(
            module=MODULE,
            jobs=[{"number": number, "does": one, **job} for number, one in enumerate(does)],
            environ=ENVIRON,
            on_record=self._record,
            on_death=self.deaths.append,
        )

    def _record(self, record: Any) -> None:
        self.records.append(record)
        if len(self.numbers()) == len(self.crew.jobs):
            self.told.set()

    def numbers(self) -> list[int]:
        return sorted(record["number"] for record in self.records if "number" in record)


def running(process_ids: list[int]) -> list[int]:
    return [pid for pid in process_ids if Path(f"/proc/{pid}").exists()]


async def test_a_crew_starts_together_tells_everything_and_says_how_it_was() -> None:
    started: list[float] = []
    gathered = Gathered("counts", "counts")
    gathered.crew.on_start = started.append
    with trio.fail_after(LIMIT_S):
        await gathered.crew.run()
    assert gathered.numbers() == [0, 1]
    assert [record["count"] for record in gathered.records if "count" in record].count(999) == 2
    assert len(gathered.records) == 2002
    assert gathered.deaths == []
    assert len(started) == 1
    assert len(gathered.crew.healths) == 2
    assert all(health.wall_s > 0 for health in gathered.crew.healths)


async def test_a_crew_that_is_cancelled_still_hears_what_its_processes_have_to_tell() -> None:
    gathered = Gathered("waits", "waits")
    with trio.fail_after(LIMIT_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(gathered.crew.run)
            await gathered.told.wait()
            nursery.cancel_scope.cancel()
    assert sorted(record["goodbye"] for record in gathered.records if "goodbye" in record) == [0, 1]
    assert gathered.deaths == []
    assert len(gathered.crew.healths) == 2


@pytest.mark.parametrize(
    ("does", "how"),
    [
        ("breaks", r"ValueError at employee\.py:\d+"),
        ("dies", "killed by SIGKILL"),
        ("leaves", "exit code 3"),
        ("babbles", "it printed something that is no record"),
    ],
)
async def test_a_process_that_dies_is_told_and_the_others_go_on(does: str, how: str) -> None:
    gathered = Gathered(does, "counts")
    with trio.fail_after(LIMIT_S):
        await gathered.crew.run()
    (death,) = gathered.deaths
    assert death.number == 0
    assert re.fullmatch(rf"client process 1 died \({how}\); what it had told is kept", str(death))
    assert sum("count" in record for record in gathered.records) == 1000


async def test_a_process_that_does_not_stop_is_ended_by_force(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "STOP_GRACE_S", 0.2)
    gathered = Gathered("hangs")
    with trio.fail_after(LIMIT_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(gathered.crew.run)
            while not running([hand.process.pid for hand in gathered.crew._hands]):
                await trio.sleep(0.01)
            pids = [hand.process.pid for hand in gathered.crew._hands]
            nursery.cancel_scope.cancel()
    assert running(pids) == []


async def test_a_process_obeys_an_order() -> None:
    gathered = Gathered("obeys", "obeys")
    with trio.fail_after(LIMIT_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(gathered.crew.run)
            await gathered.told.wait()
            for number in range(2):
                await gathered.crew.order(number, {"do": number})
    assert sorted(record["obeyed"]["do"] for record in gathered.records if "obeyed" in record) == [0, 1]


def test_a_child_whose_parent_is_gone_ends_and_ctrl_c_is_not_its_business() -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", MODULE], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(b'{"job":{"number":0,"does":"waits"}}\n')
    child.stdin.flush()
    assert child.stdout.readline() == b'{"ready":true}\n'
    child.send_signal(signal.SIGINT)
    child.stdin.write(b'{"go":0}\n')
    child.stdin.flush()
    assert b"number" in child.stdout.readline()
    out, complaint = child.communicate(timeout=LIMIT_S)  # closes its input, as the end of the parent does
    assert b"goodbye" in out
    assert (child.returncode, complaint) == (0, b"")


@pytest.mark.parametrize(
    ("at_a_time", "cores", "expected"), [(1, 8, 1), (48, 8, 1), (49, 8, 2), (1000, 8, 7), (1000, 2, 1), (10, 1, 1)]
)
def test_processes_grow_with_the_load_and_leave_a_core_free(at_a_time: float, cores: int, expected: int) -> None:
    assert processes_for(at_a_time, cores) == expected


@pytest.mark.parametrize(
    ("healths", "cores", "said"),
    [
        ([], 8, None),
        ([Health(cpu_share=0.3, lag_p99_ms=1.0)], 8, None),
        ([Health(cpu_share=0.97)], 8, "the client was busy 97% of a core: use --processes 2 or another machine"),
        ([Health(cpu_share=0.97)], 2, "the client was busy 97% of a core: use another machine for it"),
        ([Health(cpu_share=0.9)] * 3, 16, "the client was busy 90% of a core: use --processes 6 or another machine"),
        (
            [Health(cpu_share=0.4, cpu_peak=0.99, lag_p99_ms=40.0)],
            8,
            "the client was busy 99% of a core: use --processes 2 or another machine",
        ),
        (
            [Health(cpu_share=0.4, cpu_peak=0.5, lag_p99_ms=40.0)],
            8,
            "the client's loop was 40 ms late at its 99th percentile though it was busy 40% of a core: something else "
            "takes this machine's CPU; use another machine for it",
        ),
    ],
)
def test_the_client_says_when_it_is_the_bottleneck(healths: list[Health], cores: int, said: str | None) -> None:
    assert bottleneck(healths, cores) == said


async def test_a_loop_on_time_has_no_lag(autojump_clock: trio.testing.MockClock) -> None:
    pulse = Pulse()
    with trio.move_on_after(1.0):
        await pulse.beat()
    assert pulse.health().lag_max_ms == pytest.approx(0.0, abs=1e-6)


def test_what_is_told_of_health_is_read_again() -> None:
    health = Health(cpu_share=0.25, lag_p99_ms=3.125)
    assert Health.read(health.told()) == health
