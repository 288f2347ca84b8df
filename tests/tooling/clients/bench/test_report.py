"""What is made of the records of a run: sections, rows, warnings, rates, a comparison, a picture."""

import json
from typing import Any

import pytest

from tests.tooling.clients.bench.turns import attempt, turn
from tooling.clients.bench import comparison
from tooling.clients.bench.comparison import compare, differences, read_earlier
from tooling.clients.bench.picture import picture
from tooling.clients.bench.report import Outcome, table, too_few
from tooling.clients.bench.samples import sections
from tooling.clients.drawing.picture import Picture, concurrency, ecdf
from tooling.clients.failures import UsageProblem


def outcome(*attempts: dict[str, Any], wall_s: float = 10.0) -> Outcome:
    return Outcome(attempts=attempts, wall_s=wall_s, seed=1)


def run(latencies: list[float]) -> Outcome:
    return outcome(*(attempt(number, turn(number, ttfb_ms)) for number, ttfb_ms in enumerate(latencies)))


def keys(turns: list[dict[str, Any]]) -> dict[str, list[str]]:
    return {section.key: list(section.rows) for section in sections(turns)}


def test_one_turn_a_connection_is_one_section() -> None:
    assert keys([turn(0, 5.0, connect_ms=1.0), turn(1, 6.0)]) == {"all": ["connect", "TTFB (chat)", "ITL", "total"]}


def test_two_turns_that_are_compared_have_a_section_each() -> None:
    turns = [turn(0, 5.0, label="FIRST"), turn(0, 6.0, label="SECOND", first=False)]
    assert list(keys(turns)) == ["first", "second"]


def test_first_turns_stand_apart_from_later_ones() -> None:
    assert list(keys([turn(0, 5.0), turn(0, 6.0, first=False)])) == ["first", "later"]


def test_interrupted_replies_and_what_cut_them_off_stand_apart() -> None:
    turns = [
        turn(0, 5.0),
        turn(1, 6.0, outcome="cancelled", interrupted=True, cancel_ms=3.0),
        turn(1, 7.0, interrupts=True, first=False),
    ]
    found = keys(turns)
    assert found["all"] == ["TTFB (chat)", "ITL", "total"]
    assert found["interrupted"] == ["TTFB (chat)", "ITL", "cancel"]
    assert found["barge_in"] == ["TTFB (chat)", "ITL", "total"]
    told = outcome(attempt(0, turns[0]), attempt(1, *turns[1:]))
    assert (told.passed(), told.interrupted(), told.errors()) == (2, 1, {})


@pytest.mark.parametrize(("late_ms", "shown"), [(0.4, False), (250.0, True)])
def test_a_turn_that_was_sent_late_counts_from_when_it_was_meant_too(late_ms: float, shown: bool) -> None:
    (section,) = sections([turn(0, 5.0, late_ms=late_ms), turn(1, 6.0, late_ms=0.0)])
    assert ("TTFB, intended" in section.rows) is shown
    if shown:
        assert section.rows["TTFB, intended"].values.tolist() == [6.0, 255.0]


def test_the_table_has_intervals_and_marks_what_rests_on_too_little() -> None:
    found = run([100.0 + number for number in range(30)])
    lines = list(table(found.sections, found.rows()))
    ttfb = next(line for line in lines if "TTFB (chat)" in line)
    assert "114.5 [" in ttfb
    assert "?128.7 [" in ttfb
    assert ttfb.endswith("n=30")
    assert max(map(len, lines)) <= 106
    assert "p99 wants 100" in (too_few(found.rows()) or "")
    assert "p95" not in (too_few(found.rows()) or "")


def test_few_connections_have_figures_and_no_intervals() -> None:
    found = run([10.0, 20.0])
    assert "[" not in "".join(table(found.sections, found.rows()))
    assert found.rows()[0].told()["intervals"] is None


def test_an_empty_run_has_no_rows_and_nothing_to_warn_of() -> None:
    found = outcome(wall_s=0.0)
    assert (found.rows(), found.rates()["turns_per_s"], too_few([])) == ([], 0.0, None)


def test_rates_errors_and_cached_tokens_are_of_the_whole_run() -> None:
    refused = {"kind": "server_error", "detail": "d", "exit": 1}
    error = {"code": "server_busy", "details": {"reason_code": "engine_queue_full"}}
    failed = attempt(2, turn(2, None, outcome="error", error=error, usage=None), failure=refused)
    lost = attempt(3, failure={"kind": "connection_failed", "detail": "d", "exit": 3})
    found = outcome(attempt(0, turn(0, 5.0)), attempt(1, turn(1, 5.0), turn(1, 5.0, first=False)), failed, lost)
    assert found.rates() == {"turns_per_s": 0.3, "tokens_per_s": 3.0}
    assert found.errors() == {"server_busy/engine_queue_full": 1, "connection_failed": 1}
    assert found.cached()["first"] == {"prompt_tokens": 200, "cached_tokens": 80}
    assert found.cached()["later"] == {"prompt_tokens": 100, "cached_tokens": 40}


def test_an_engine_that_does_not_say_what_it_cached_has_cached_nothing_known() -> None:
    silent = {"prompt_tokens": 100, "completion_tokens": 10, "cached_tokens": None}
    assert outcome(attempt(0, turn(0, 5.0, usage=silent))).cached() == {"first": None, "later": None}


def document(found: Outcome, **config: Any) -> str:
    return json.dumps(
        {
            "schema": "yap-client/1",
            "client": "bench",
            "ok": True,
            "started_at": "2026-01-02T03:04:05+00:00",
            "server": "ws://old/ws",
            "config": {"turns": 1, **config},
            "summary": found.rates(),
            "turns": found.turns(),
        }
    )


@pytest.mark.parametrize(
    ("factor", "verdict"),
    [(1.0, "no difference shown"), (1.5, "worse"), (0.5, "better"), (1.01, "no difference shown")],
)
def test_a_comparison_says_what_is_shown_and_no_more(factor: float, verdict: str) -> None:
    old = [100.0 + number % 17 for number in range(120)]
    earlier = read_earlier("old.json", document(run(old)))
    rows = compare(earlier, run([factor * value for value in old]))
    median = next(row for row in rows if (row.row, row.percentile) == ("TTFB (chat)", "p50"))
    assert median.verdict == verdict
    assert median.ratio == pytest.approx(factor)
    assert median.interval is not None
    assert median.interval.low <= factor <= median.interval.high


def test_a_comparison_of_too_few_samples_is_not_judged_and_not_shown() -> None:
    found = run([10.0, 20.0, 30.0])
    earlier = read_earlier("old.json", document(found))
    rows = compare(earlier, found)
    assert {row.verdict for row in rows} == {"too few samples"}
    shown = "\n".join(comparison.table(earlier, found, rows))
    assert "TTFB" not in shown
    assert f"{len(rows)} percentiles" in shown


def test_a_comparison_leaves_out_what_only_one_run_has() -> None:
    old = outcome(*(attempt(number, turn(number, 5.0, tool_ms=3.0)) for number in range(6)))
    rows = compare(read_earlier("old.json", document(old)), run([5.0] * 6))
    assert {row.row for row in rows} == {"TTFB (chat)", "ITL", "total"}


def test_loads_that_differ_are_named_and_what_is_no_load_is_not() -> None:
    earlier = read_earlier("old.json", document(run([5.0]), think=[0.0, 0.0], rate=None, server="ws://a/ws", seed=1))
    assert differences(earlier, {"turns": 1, "think": (0.0, 0.0), "rate": None, "server": "ws://b/ws", "seed": 2}) == []
    assert differences(earlier, {"turns": 4, "think": (0.0, 0.0), "rate": 2.0}) == [
        "--rate was not given, is 2.0",
        "--turns was 1, is 4",
    ]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema":"yap-client/1","client":"warmup"}', "\x00", '{"turns":3}'])
def test_a_file_that_is_no_document_of_a_bench_is_refused_by_name(text: str) -> None:
    with pytest.raises(UsageProblem, match=r"old\.json: is not the document of a bench run"):
        read_earlier("old.json", text)


def test_a_document_with_broken_turns_is_refused_too() -> None:
    told = json.loads(document(run([5.0]))) | {"turns": [{"outcome": "done"}, 3]}
    with pytest.raises(UsageProblem):
        read_earlier("old.json", json.dumps(told))


def test_the_share_at_or_below_ends_at_one() -> None:
    drawn = ecdf("x", [3.0, 1.0, 2.0, 2.0])
    assert (drawn.x, drawn.y) == ((1.0, 2.0, 2.0, 3.0), (0.25, 0.5, 0.75, 1.0))


def test_concurrency_counts_what_is_open() -> None:
    drawn = concurrency("x", [(0.0, 2.0), (1.0, 3.0), (2.0, 2.5)])
    assert list(zip(drawn.x, drawn.y, strict=True))[-6:] == [(0, 1), (1, 2), (2, 1), (2, 2), (2.5, 1), (3, 0)]


def test_a_picture_shows_every_kind_of_turn_and_travels_as_json() -> None:
    turns = [
        turn(0, 5.0),
        turn(1, 6.0, outcome="cancelled", interrupted=True, cancel_ms=3.0),
        turn(1, 7.0, interrupts=True),
        turn(2, None, outcome="error"),
    ]
    drawn = picture("bench", turns, [attempt(0, turns[0])], "a load")
    over_time, distributions, running = drawn.panels
    assert [series.name for series in over_time.series] == [
        "TTFB",
        "TTFB, interrupted later",
        "TTFB, said into a reply",
        "failed",
    ]
    assert "cancel (n=1)" in [series.name for series in distributions.series]
    assert len(running.series) == 2
    assert Picture.read(json.loads(json.dumps(drawn.told()))) == drawn


def test_a_run_of_nothing_can_be_drawn() -> None:
    assert all(series.x in ((), (0.0,)) for panel in picture("bench", [], [], "").panels for series in panel.series)
