"""What a run says of a server: made-up ones with a known leak, and a short one over a whole server."""

import io
import json
import os
from pathlib import Path

import pytest

from tests.tooling.benchmarks.endurance.series import course, sample
from tooling.benchmarks.endurance.__main__ import main
from tooling.benchmarks.endurance.course import Course, read_course
from tooling.benchmarks.endurance.findings import Verdict, findings
from tooling.benchmarks.endurance.pictured import picture
from tooling.benchmarks.endurance.sampling import Book, Sample, Window, figures, told

QUIET = {"troubles": {}, "did": {"talk": 3}, "ends": {"done": 9}}


def verdicts(of: Course) -> dict[str, Verdict]:
    return {one.series.name: one.verdict for one in findings(of.samples, of.windows, of.plan.warm_up_s)}


def written(of: Course, path: Path, **end: object) -> Path:
    idle = {"before": told(sample(0.0))["sample"], "after": told(sample(0.0))["sample"]}
    plan = {name: getattr(of.plan, name) for name in type(of.plan).__annotations__}
    looks: list[Sample | Window] = [*of.samples, *of.windows]
    lines = [{"plan": plan}, *map(told, looks), {"end": {**QUIET, **idle, **end}}]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_a_flat_run_holds_though_its_memory_filled_in_the_warm_up() -> None:
    assert set(verdicts(course()).values()) == {Verdict.HOLDS}


def test_what_the_warm_up_fills_would_not_hold_without_it() -> None:
    filling = course(warm_up_s=1800.0)
    assert verdicts(filling)["server memory"] is Verdict.HOLDS
    found = findings(filling.samples, filling.windows, 0.0)
    assert next(one for one in found if one.series.name == "server memory").verdict is not Verdict.HOLDS


@pytest.mark.parametrize("seed", range(5))
def test_a_leak_is_found_in_its_series_and_in_no_other(seed: int) -> None:
    found = verdicts(course(leak_mib=8.0, seed=seed))
    assert [name for name, verdict in found.items() if verdict is Verdict.GROWS] == ["server memory"]


@pytest.mark.parametrize("seed", range(5))
def test_a_leak_within_the_tolerance_is_none(seed: int) -> None:
    assert verdicts(course(leak_mib=2.0, seed=seed))["server memory"] is Verdict.HOLDS


def test_callers_who_wait_longer_and_longer_are_noticed() -> None:
    found = verdicts(course(slower_ms=15.0))
    assert [name for name, verdict in found.items() if verdict is Verdict.GROWS] == ["TTFT p50", "TTFT p99"]


def test_a_short_run_says_that_it_cannot_tell() -> None:
    assert verdicts(course(hours=0.02, warm_up_s=10.0))["server memory"] is Verdict.UNKNOWN


def test_a_run_is_read_again_as_it_was(tmp_path: Path) -> None:
    made = course(hours=0.5, warm_up_s=300.0)
    back = read_course(written(made, tmp_path / "run.jsonl"))
    assert verdicts(back) == verdicts(made)
    assert (back.plan, back.book.ends) == (made.plan, {"done": 9})
    assert back.before == back.after == sample(0.0)


def test_a_run_that_was_cut_off_is_worth_what_it_has(tmp_path: Path) -> None:
    path = written(course(hours=0.5, warm_up_s=300.0), tmp_path / "run.jsonl")
    path.write_text("\n".join(path.read_text().splitlines()[:-1]))
    assert read_course(path).after is None
    assert main(["--read", str(path)], {}) == 0


@pytest.mark.parametrize(
    ("leak", "end", "status"),
    [
        (0.0, {}, 0),
        (9.0, {}, 1),
        (0.0, {"after": told(sample(0.0, tasks=31.0))["sample"]}, 1),
        (0.0, {"troubles": {"talk: TimedOut: no ack within 90 s": 1}}, 1),
    ],
    ids=["flat", "a leak", "a task is left", "a caller was let down"],
)
def test_the_status_says_whether_all_holds(
    leak: float, end: dict[str, object], status: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(course(leak_mib=leak), tmp_path / "run.jsonl", **end)
    assert main(["--read", str(path), "--json"], {}) == status
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    memory = next(line for line in lines if line.get("series") == "server memory")
    assert memory["interval"][0] < leak < memory["interval"][1]
    assert next(line for line in lines if line.get("idle") == "tasks")["left"] == (1 if "after" in end else 0)


def test_a_file_that_is_no_run_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").touch()
    assert main(["--read", str(tmp_path / "empty")], {}) == 2
    assert "--samples" in capsys.readouterr().err


def test_the_warm_up_must_leave_something(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--minutes", "5", "--warm-up", "5"], {}) == 2
    assert "--warm-up" in capsys.readouterr().err


def test_every_series_is_in_the_picture() -> None:
    made = course(hours=0.5, warm_up_s=300.0)
    drawn = picture(made, findings(made.samples, made.windows, 300.0))
    assert len(drawn.panels) == 6
    assert all(series.x for panel in drawn.panels for series in panel.series)
    assert all(bound.value == 5.0 for panel in drawn.panels for bound in panel.bounds)


def test_a_page_is_read_without_its_labels() -> None:
    page = '# HELP x\ntext_inference_tasks 7\ntext_inference_requests_total{status="failed"} 3\nother_tasks 9\n'
    assert figures(page) == {"tasks": 7.0}


def test_a_minute_holds_what_was_heard_in_it() -> None:
    book = Book()
    book.heard(0.02, [1.0, 1.01, 1.03])
    book.heard(None, [])
    first, second = book.turn_over(60.0, 0.5, 0.2), book.turn_over(120.0, 0.5, 0.2)
    assert (first.turns, first.ttft_p50_ms) == (1, 20.0)
    assert first.itl_p50_ms == pytest.approx(15.0)
    assert (second.turns, second.ttft_p50_ms, second.itl_p99_ms) == (0, None, None)


def test_callers_do_everything_to_a_whole_server_and_leave_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "run.jsonl"
    argv = ["--engine", "scripted", "--minutes", "0.15", "--every", "0.5", "--pause", "0.2", "--samples", str(kept)]
    environ = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")}  # noqa: TID251 - a child
    main([*argv, "--json"], environ)
    lines = [json.loads(line) for line in io.StringIO(capsys.readouterr().out)]
    (book,) = [line for line in lines if "did" in line]
    assert book["troubles"] == {}
    assert set(book["did"]) >= {"talk", "vanish", "slow reader", "reconnect", "long history"}
    assert set(book["ends"]) <= {"done", "cancelled", "vanished from"}
    idle = {line["idle"]: line["left"] for line in lines if "idle" in line}
    assert len(idle) == 6
    assert not any(idle.values()), idle
    assert len(read_course(kept).samples) > 5
