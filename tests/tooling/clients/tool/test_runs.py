"""Whole runs: what is sent, at what pace, how accuracy decides, what is told and kept."""

import os
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from tests.tooling.clients.standin import KEY, Frame, Session, standing_in
from tests.tooling.clients.tool.scene import (
    CASES,
    FIRST,
    LABELS,
    Regression,
    Said,
    decide,
    finish,
    once,
    right,
    right_without_chat,
)

WRONG = FIRST.steps[1]


async def wrong(session: Session, frame: Frame) -> None:
    await decide(session, frame, yes=not LABELS[frame["payload"]["user_utterance"]])
    await finish(session, frame, "hi")


@pytest.mark.parametrize("behaviour", [right, right_without_chat])
async def test_a_run_that_agrees_with_every_label_passes(regression: Regression, behaviour: Said) -> None:
    async with standing_in(behaviour) as server:
        told = await regression(server.url, "--limit", "3", "--concurrency", "2")
    assert (told.code, told.kinds) == (0, [])
    chosen = [CASES[0], *(next(case for case in CASES if case.domain == domain) for domain in ("banking", "calendar"))]
    steps = sum(len(case.steps) for case in chosen)
    counted = {name: told.summary[name] for name in ("steps", "steps_sent", "steps_passed", "cases", "cases_passed")}
    assert counted == {"steps": steps, "steps_sent": steps, "steps_passed": steps, "cases": 3, "cases_passed": 3}
    assert (told.summary["accuracy"], told.summary["domains"]["banking"]["accuracy"]) == (1.0, 1.0)
    assert told.summary["tool_latency_ms"]["n"] == steps
    assert told.summary["first"]["tool_ms"]["n"] == 3
    assert told.lines[-1] == f"✓ PASS steps {steps} of {steps} (100.00 %), cases 3 of 3"


async def test_each_case_has_a_connection_and_begins_with_an_empty_history(regression: Regression) -> None:
    async with standing_in(right) as server:
        await regression(server.url, "--limit", "2", "--gender", "man", "--personality", "grumpy")
    assert len(server.sessions) == 2
    assert len({session.seen[0]["session_id"] for session in server.sessions}) == 2
    first, *others, last = server.sessions[0].seen
    assert [frame["payload"] for frame in others] == [{"user_utterance": step.text} for step in FIRST.steps[1:]]
    assert (first["type"], {frame["type"] for frame in others}, last["type"]) == ("start", {"message"}, "end")
    assert first["session_id"].startswith("tool-")
    assert (first["payload"]["history"], first["payload"]["gender"]) == ([], "male")
    assert first["payload"]["chat_prompt"]
    assert "sampling" not in first["payload"]


async def test_no_more_cases_run_at_once_than_asked_for(regression: Regression) -> None:
    running, most = 0, 0

    async def counted(session: Session, frame: Frame) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await trio.sleep(0.01)
        running -= 1
        await right(session, frame)

    async with standing_in(counted) as server:
        told = await regression(server.url, "--limit", "6", "--concurrency", "3")
    assert (told.code, most) == (0, 3)


@pytest.mark.parametrize(("least", "code"), [("1.0", 1), ("0.9", 1), ("0.8", 0)])
async def test_wrong_decisions_fail_a_run_that_is_less_accurate_than_asked(
    regression: Regression, least: str, code: int
) -> None:
    async with standing_in(once(wrong)) as server:
        told = await regression(server.url, "--limit", "1", "--min-accuracy", least)
    assert (told.code, told.kinds) == (code, ["wrong_response"])
    assert (told.summary["false_yes"], told.summary["false_no"]) == ((0, 1) if WRONG.yes else (1, 0))
    assert told.summary["accuracy"] == round(6 / 7, 4)
    assert told.lines[-1].startswith("✓ PASS" if code == 0 else "✗ FAIL accuracy 85.71 % is under")


async def test_another_failure_fails_the_run_however_accurate(regression: Regression) -> None:
    async def closes(session: Session, frame: Frame) -> None:
        await session.socket.aclose(1011)

    async with standing_in(once(closes)) as server:
        told = await regression(server.url, "--limit", "2", "--min-accuracy", "0")
    assert (told.code, told.summary["cases_passed"]) == (1, 1)
    assert told.lines[-1] == "✗ FAIL steps failed: 1 connection_failed"


async def test_the_report_lists_failed_cases_then_figures_and_a_copy_is_kept(regression: Regression) -> None:
    async with standing_in(once(wrong)) as server:
        told = await regression(server.url, "--limit", "2", "--max-steps", "7")
    report = told.lines[told.lines.index("=== Failures ===") :]
    assert report[1] == f'✗ {FIRST.key}: 2 wrong_response, labelled {WRONG.label}: "{WRONG.text}"'
    assert report[2] == "=== Summary ==="
    skipped = sum(len(case.steps) > 7 for case in CASES)
    assert f"skipped           {skipped} cases with too many steps" in report
    assert "  apps              6 of 7 (85.71 %)" in report
    (kept,) = regression.kept()
    assert kept.splitlines()[3:] == report[:-2]
    assert KEY not in kept
    assert told.summary["results_file"].startswith(str(regression.home))


async def test_cases_that_passed_are_listed_when_asked_for(regression: Regression) -> None:
    async with standing_in(right) as server:
        told = await regression(server.url, "--limit", "1", "--show-successes")
        again = await regression(server.url, "--limit", "1")
    assert f"✓ {FIRST.key}: 7 steps" in told.lines[told.lines.index("=== Results ===") :]
    assert again.lines[again.lines.index("=== Failures ===") + 1] == "none"
    assert len(regression.kept()) == 2, "a copy of the same second replaces none"


async def test_one_connection_is_not_asked_faster_than_its_window_allows(
    regression: Regression, mock_clock: MockClock
) -> None:
    mock_clock.autojump_threshold = 0.05  # what is on its way through a socket arrives in less
    times: list[float] = []

    async def timed(session: Session, frame: Frame) -> None:
        times.append(trio.current_time())
        await right(session, frame)

    window = {"TOOL_WS_MAX_MESSAGES_PER_WINDOW": "3", "TOOL_WS_MESSAGE_WINDOW_SECONDS": "6"}
    async with standing_in(timed) as server:
        told = await regression(server.url, "--limit", "1", "--max-steps", "0", environ=window)
    assert (told.code, len(times)) == (0, 7)
    assert all(after - before >= 6 for before, after in zip(times, times[3:], strict=False))
    assert times[6] - times[0] < 20
    assert told.summary["tool_latency_ms"]["p95"] < 1000, "a pause is no latency"


async def test_an_interrupted_run_tells_what_it_has(regression: Regression) -> None:
    pressed = trio.Event()

    async def stalls(session: Session, frame: Frame) -> None:
        if frame["type"] == "message":
            pressed.set()
        else:
            await right(session, frame)

    async with standing_in(stalls) as server:
        told = await regression(server.url, interruption=pressed.wait)
    assert told.code == 130
    assert (told.summary["steps_sent"], told.summary["steps_passed"]) == (1, 1)
    assert told.lines[-1] == "✗ FAIL interrupted"
    assert [frame["type"] for frame in server.sessions[0].seen] == ["start", "message", "end"]
    assert "exit code  130" in regression.kept()[0]


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (("--domain", "apps", "moon"), "no domain 'moon'; there are apps, banking"),
        (("--max-steps", "5"), "--max-steps 6"),
        (("--min-accuracy", "1.5"), "must be from 0 to 1"),
        (("--min-accuracy", "nan"), "must be from 0 to 1"),
        (("--limit", "0"), "must be at least 1"),
        (("--timeout", "0"), "number of seconds over 0"),
        (("--gender", "cat"), "gender 'cat'"),
    ],
)
async def test_bad_flags_exit_2_and_say_what_would_do(
    regression: Regression, flags: tuple[str, ...], complaint: str
) -> None:
    told = await regression("ws://127.0.0.1:9/ws", *flags)
    assert told.code == 2
    assert complaint in told.lines[-1]


async def test_a_bad_environment_exits_2_and_names_the_variable(regression: Regression) -> None:
    for name in ("TOOL_WS_MAX_MESSAGES_PER_WINDOW", "TOOL_WS_MESSAGE_WINDOW_SECONDS"):
        async with standing_in(right) as server:
            told = await regression(server.url, "--limit", "1", environ={name: "many"})
        assert (told.code, server.sessions) == (2, []), "before anybody was connected to"
        assert name in told.lines[-1]


async def test_where_no_copy_can_be_kept_nothing_is_sent(regression: Regression, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    told = await regression("ws://127.0.0.1:9/ws", environ={"YAP_HOME": str(tmp_path / "file")})
    assert told.code == 2
    assert "YAP_HOME" in told.lines[-1]


async def test_a_copy_that_cannot_be_written_fails_the_run(regression: Regression) -> None:
    async def takes_the_folder(session: Session, frame: Frame) -> None:
        folder = regression.home / "results"
        if folder.is_dir():
            folder.rename(regression.home / "elsewhere")
        await right(session, frame)

    async with standing_in(takes_the_folder) as server:
        told = await regression(server.url, "--limit", "1")
    assert (told.code, told.kinds) == (1, ["output"])
    assert "=== Summary ===" in told.lines
    assert os.strerror(2) in told.lines[-1]
