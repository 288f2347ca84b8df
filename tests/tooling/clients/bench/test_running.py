"""bench and the real server with an engine that says what it is told to: every kind of load, and every way to end."""

import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from engines.scripted import Script
from tests.runtime.serving import Place, says, serving, talks
from tests.tooling.clients.bench.scene import KEY, Bench
from tooling.clients.drawing import picture

NO_LIMITS = {"WS_MAX_MESSAGES_PER_WINDOW": "0", "WS_MAX_CANCELS_PER_WINDOW": "0"}


@asynccontextmanager
async def served(script: Script) -> AsyncIterator[tuple[str, Place]]:
    """A server's address, and itself."""
    async with serving(script, TEXT_API_KEY=KEY, **NO_LIMITS) as place:
        yield f"ws://127.0.0.1:{place.port}/ws", place


def said(turns: list[dict[str, Any]]) -> list[tuple[int, str, str]]:
    return sorted((turn["connection"], turn["label"], turn["user"]) for turn in turns)


async def test_talks_with_pauses_and_interruptions_in_two_processes(bench: Bench) -> None:
    flags = ["-n", "6", "-c", "6", "--turns", "2", "--think", "0.01-0.05", "--barge-in", "0.5", "--seed", "3"]
    async with served(talks(60, 0.005)) as (url, place):
        told = await bench(url, [*flags, "--processes", "2"])
        again = await bench(url, [*flags, "--processes", "1"])
        await place.until_idle()
    assert told.code == 0, told.lines
    cut = [turn for turn in told.turns if turn["interrupted"]]
    assert cut
    assert {turn["outcome"] for turn in cut} == {"cancelled"}
    assert all(turn["metrics"]["cancel_ms"] is not None for turn in cut)
    assert len(told.turns) == 6 * 2 + sum(turn["label"] == "barge-in" for turn in told.turns)
    assert told.summary["interrupted"] == len(cut)
    assert set(told.summary) >= {"first", "later", "interrupted", "barge_in", "turns_per_s", "client"}
    assert len(told.summary["client"]["processes"]) == 2
    assert said(told.turns) == said(again.turns)
    assert told.document["config"]["seed"] == 3
    assert any("cancel" in line and "n=" in line for line in told.lines)


async def test_an_open_load_comes_at_its_rate_whatever_the_server_does(bench: Bench) -> None:
    async with served(talks(100, 0.02)) as (url, _):
        told = await bench(url, ["--arrivals", "constant", "--rate", "10", "--duration", "0.65", "--processes", "2"])
    assert told.code == 0, told.lines
    assert sorted(turn["connection"] for turn in told.turns) == list(range(7))
    assert [turn["sent_s"] >= number / 10 for number, turn in enumerate(told.turns)] == [True] * 7
    assert all(turn["metrics"]["late_ms"] >= 0 for turn in told.turns)
    assert told.document["config"]["requests"] is None


async def test_cold_prompts_begin_differently_and_warm_ones_do_not(bench: Bench) -> None:
    async with served(says("Yes", ".")) as (url, place):
        assert (await bench(url, ["-n", "3", "--prefix", "cold"])).code == 0
        cold = {place.prompt(number)[:60] for number in range(3)}
        place.engine.submitted.clear()
        assert (await bench(url, ["-n", "3"])).code == 0
        warm = {place.prompt(number)[:60] for number in range(3)}
    assert (len(cold), len(warm)) == (3, 1)


async def test_a_run_is_compared_with_an_earlier_one_of_the_same_load_only(bench: Bench, tmp_path: Path) -> None:
    earlier = tmp_path / "earlier.json"
    async with served(says("Yes", ".")) as (url, place):
        told = await bench(url, ["-n", "8"])
        earlier.write_text(json.dumps(told.document), "utf-8")
        compared = await bench(url, ["-n", "8", "--compare", str(earlier)])
        place.engine.submitted.clear()
        refused = await bench(url, ["-n", "9", "--compare", str(earlier)])
        assert place.engine.submitted == []
        anyway = await bench(url, ["-n", "9", "--compare", str(earlier), "--compare-anyway"])
    assert compared.code == 0, compared.lines
    rows = compared.summary["comparison"]["rows"]
    assert {row["percentile"] for row in rows} == {"p50", "p95", "p99"}
    assert any(line.startswith("COMPARED WITH") for line in compared.lines)
    assert (refused.code, "--requests was 8, is 9" in refused.lines[-1]) == (2, True)
    assert anyway.code == 0
    assert any("different loads" in warning["detail"] for warning in anyway.document["warnings"])


async def test_ctrl_c_ends_all_processes_and_keeps_what_there_is(bench: Bench) -> None:
    async with served(talks(2000, 0.005)) as (url, place):

        async def interrupt() -> None:
            while place.actor.running < 4:  # all of them talk
                await trio.sleep(0.01)

        told = await bench(url, ["-n", "40", "-c", "4", "--processes", "2"], interrupt)
        await place.until_idle()
    assert told.code == 130
    assert len(told.turns) == 4
    assert any("interrupted after 0 connections" in line for line in told.lines)
    assert told.lines[-1].startswith("✗ FAIL interrupted")


async def test_a_process_that_is_killed_fails_the_run_and_its_neighbour_goes_on(bench: Bench) -> None:
    def workers() -> list[int]:
        threads = Path("/proc/self/task").glob("*/children")
        found = sorted(int(pid) for children in threads for pid in children.read_text("ascii").split())
        return [pid for pid in found if b"bench.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    async def kill(place: Place) -> None:
        while place.actor.running < 2:
            await trio.sleep(0.01)
        os.kill(workers()[0], signal.SIGKILL)

    async with served(talks(100, 0.01)) as (url, place), trio.open_nursery() as nursery:
        nursery.start_soon(kill, place)
        told = await bench(url, ["-n", "2", "-c", "2", "--processes", "2"])
    assert told.code == 1
    assert told.failures() == ["client_died"]
    assert "client process 1 died (killed by SIGKILL); what it had told is kept" in told.lines[-1]
    assert [turn["outcome"] for turn in told.turns] == ["done"]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["-n", "4", "--duration", "3"], "give -n or --duration, not both"),
        (["--arrivals", "poisson"], "--arrivals poisson wants --rate R"),
        (["--rate", "3"], "--rate is for --arrivals constant or poisson"),
        (["--arrivals", "constant", "--rate", "1", "--burst-mode", "windowed"], "exclude each other"),
        (["--burst-mode", "windowed", "--ramp", "2"], "exclude each other"),
        (["--double-ttfb", "--turns", "3"], "--double-ttfb is two turns"),
        (["--compare-anyway"], "--compare-anyway wants --compare FILE"),
        (["--compare", "/nowhere.json"], "--compare /nowhere.json: cannot be read (No such file or directory)"),
        (["--plot", "/nowhere/x.png"], "there is no directory /nowhere"),
        (["--plot", "x.svg"], "the name must end in .png"),
        (["--barge-in", "1.5"], "must be a share from 0 to 1"),
        (["--barge-in", "nan"], "must be a share from 0 to 1"),
        (["--think", "2-1"], "must be seconds, or the least and the most of them"),
        (["--think", "x"], "must be a number, 0 or more"),
        (["--rate", "inf"], "must be a number over 0"),
        (["-n", "0"], "must be at least 1"),
    ],
)
async def test_flags_that_mean_nothing_are_refused_before_anything_is_sent(
    bench: Bench, flags: list[str], words: str
) -> None:
    told = await bench("ws://127.0.0.1:9/ws", flags)
    assert (told.code, told.turns) == (2, [])
    assert words in told.lines[-1]


async def test_without_matplotlib_a_plot_is_refused_before_the_run_with_what_to_do(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(picture, "find_spec", lambda _name: None)
    told = await bench("ws://127.0.0.1:9/ws", ["--plot", str(tmp_path / "x.png")])
    assert told.code == 2
    assert "--plot needs matplotlib: `just setup cpu --bench` installs it" in told.lines[-1]
