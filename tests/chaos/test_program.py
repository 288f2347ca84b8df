"""The chaos program itself, over the stand-in's engine: what comes back is told, and so is what does not."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
import trio

from tests.chaos import attempt as attempts
from tests.chaos.__main__ import main
from tests.chaos.attempt import Outcome, attempt
from tests.chaos.footing import SERVER_MAY_GROW_MIB, Footing, slope
from tests.chaos.report import document, lines
from tests.chaos.scenario import Scenario, Scene
from tests.chaos.scenarios import SCENARIOS
from tests.chaos.servers import Servers, chat, scratch
from tests.e2e.books import wrong
from tests.e2e.client import connected
from tests.e2e.figures_page import Page
from tests.e2e.program import ROOT, Program, scripted

FOOTING = Footing(100.0, 500.0, 20)
EVEN: tuple[tuple[str, dict[str, str], float], ...] = (
    ("requests_accepted_total", {"kind": "message"}, 3.0),
    ("requests_total", {"status": "completed"}, 1.0),
    ("requests_total", {"status": "cancelled"}, 2.0),
    ("request_latency_seconds_count", {}, 1.0),
    ("cancellation_total", {"cause": "disconnect"}, 2.0),
    ("aborts_total", {"cause": "disconnect"}, 2.0),
    ("abort_latency_seconds_count", {"stage": "told"}, 2.0),
    ("ttft_seconds_count", {}, 3.0),
)


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """The program, to its end."""
    command = [sys.executable, "-m", "tests.chaos", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=290)


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with scratch() as directory:
        yield Servers(engine="standin", clients=8, directory=directory)


@pytest.fixture(scope="module")
def program() -> Iterator[Program]:
    running = Program(scripted(METRICS_ENABLED="1"))
    try:
        yield running.wait_ready()
    finally:
        running.bury()


def test_a_crowd_vanishes_and_an_engine_is_killed_and_everything_comes_back() -> None:
    done = run("--engine", "standin", "--clients", "12", "--json", "vanish", "core-killed")
    told = json.loads(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert told["passed"] is True
    vanished, killed = told["scenarios"]
    assert (vanished["scenario"], vanished["rounds"]) == ("vanish", 3)
    assert killed["scenario"] == "core-killed"
    assert 0 < killed["told_s"] < killed["recovered_s"] <= killed["clean_s"]
    assert killed["after"]["descriptors"] <= killed["before"]["descriptors"]
    assert "vanish: ok" in done.stderr


def test_scenarios_are_listed_and_chosen_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"], {}) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(SCENARIOS)
    with pytest.raises(SystemExit) as end:
        main(["vanish", "thunder"], {})
    assert end.value.code == 2
    assert "there is no scenario thunder; --list names all" in capsys.readouterr().err


async def tried(monkeypatch: pytest.MonkeyPatch, servers: Servers, program: Program, scenario: Scenario) -> Outcome:
    """What comes of it, with little patience."""
    monkeypatch.setattr(attempts, "CLEAN_S", 4.0)
    with trio.fail_after(60):
        return await attempt(scenario, servers, program, lambda _: None)


async def test_a_session_that_is_left_behind_is_told(
    monkeypatch: pytest.MonkeyPatch, servers: Servers, program: Program
) -> None:
    async with trio.open_nursery() as nursery:

        async def stays(task_status: trio.TaskStatus[None]) -> None:
            async with connected(program.port) as client:
                await client.answers_pings()
                task_status.started()
                await trio.sleep_forever()

        async def leaves_one(_scene: Scene) -> None:
            await nursery.start(stays)

        scenario = Scenario(name="leaves-one", what="somebody stays", act=leaves_one, house=chat)
        outcome = await tried(monkeypatch, servers, program, scenario)
        nursery.cancel_scope.cancel()
    assert not outcome.passed
    assert "active_connections is 1" in outcome.problems
    assert any("descriptors, there were" in problem for problem in outcome.problems)


async def test_what_a_scenario_sees_that_must_not_be_is_a_row_of_the_table(
    monkeypatch: pytest.MonkeyPatch, servers: Servers, program: Program
) -> None:
    async def sees(scene: Scene) -> None:
        scene.note("looked")
        raise AssertionError("a reply stood still")

    outcome = await tried(monkeypatch, servers, program, Scenario(name="sees", what="it", act=sees, house=chat))
    text = "\n".join(lines([outcome]))
    assert outcome.problems == ("AssertionError: a reply stood still",)
    assert "| sees | - | - | - |" in text
    assert "sees: FAILED: AssertionError: a reply stood still" in text
    assert json.loads(document([outcome], 1.0, "standin"))["passed"] is False


async def test_a_server_that_keeps_something_of_each_round_is_told(
    monkeypatch: pytest.MonkeyPatch, servers: Servers, program: Program
) -> None:
    async def nothing(_scene: Scene) -> None:
        await trio.lowlevel.checkpoint()

    weights = iter([1_000_000, 1_009_000, 1_006_000])
    monkeypatch.setattr(attempts, "kept_blocks", lambda _server: next(weights))
    outcome = await tried(
        monkeypatch, servers, program, Scenario(name="keeps", what="it", act=nothing, house=chat, rounds=3)
    )
    assert outcome.problems == ("each round leaves 3000 blocks of memory, 2500 are allowed",)


def test_a_server_that_keeps_something_is_told() -> None:
    assert not FOOTING.lacks(FOOTING)
    assert Footing(100.0, 500.0, 21).lacks(FOOTING) == ["21 descriptors, there were 20"]
    (grown,) = Footing(100.1 + SERVER_MAY_GROW_MIB, 500.0, 20).lacks(FOOTING)
    assert "MiB more than before" in grown
    assert (slope([]), slope([3.0]), slope([100.0, 900.0, 300.0])) == (0.0, 0.0, 100.0)


@pytest.mark.parametrize("at", range(len(EVEN)), ids=[f"{name} {labels}" for name, labels, _ in EVEN])
def test_books_that_do_not_add_up_are_told(at: int) -> None:
    assert not wrong(Page(EVEN))
    name, labels, value = EVEN[at]
    assert any(wrong(Page((*EVEN[:at], (name, labels, value + more), *EVEN[at + 1 :]))) for more in (1, -1))
