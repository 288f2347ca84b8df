"""What a conversation's latencies are summed up to, on a virtual clock: the first turn apart, and in no other row."""

from collections.abc import Sequence

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from tests.tooling.clients.virtual import Timed, spoken, virtually_connected
from tooling.clients.failures import ClientError
from tooling.clients.output.latencies import latency_data, latency_lines, latency_table
from tooling.clients.output.percentiles import percentile
from tooling.clients.session.exchange import Exchange, begin, complete
from tooling.clients.session.latency import TurnMeter

EXAMPLE = """\
─────────────[ LATENCY SUMMARY ]─────────────
  FIRST  (includes prefill)  ttfb=679ms  3w=749ms  sent=970ms
      TTFB  avg=   110ms  p50=   109ms  p90=   128ms  p95=   134ms  (n=5)
   3-WORDS  avg=   155ms  p50=   152ms  p90=   171ms  p95=   176ms  (n=5)
  SENTENCE  avg=   452ms  p50=   390ms  p90=   650ms  p95=   730ms  (n=5)"""


def turn(ttfb_ms: int, three_words_ms: int, sentence_ms: int, tool_ms: int | None = None) -> list[Timed]:
    """A reply whose first token, third word and first sentence come at these moments."""
    tool = None if tool_ms is None else (tool_ms / 1000, "no")
    tokens = ((ttfb_ms / 1000, "Well, "), (three_words_ms / 1000, "I think"), (sentence_ms / 1000, " so. "))
    return spoken(*tokens, done_s=1.5, tool=tool)


async def talked(*turns: Sequence[Timed]) -> list[Exchange]:
    """Say something for each; the clock is the test's."""
    done = []
    async with virtually_connected(*turns) as connection:
        for number in range(len(turns)):
            done.append(await begin(connection, "message" if number else "start", {}, user="hi"))
            await complete(connection, done[-1], 60.0)
    return done


async def test_the_summary_looks_like_this(autojump_clock: trio.testing.MockClock) -> None:
    later = [(90, 140, 300), (109, 152, 411), (100, 145, 390), (140, 181, 810), (110, 157, 350)]
    turns = await talked(turn(679, 749, 970), *(turn(*times) for times in later))
    assert "\n".join(latency_lines(turns)) == EXAMPLE


async def test_decisions_have_a_row_and_stand_in_the_first(autojump_clock: trio.testing.MockClock) -> None:
    lines = latency_lines(await talked(turn(500, 600, 700, 40), turn(100, 200, 300, 30), turn(100, 200, 300, 50)))
    assert lines[1] == "  FIRST  (includes prefill)  ttfb=500ms  3w=600ms  sent=700ms  tool=40ms"
    assert lines[-1] == "      TOOL  avg=    40ms  p50=    40ms  p90=    48ms  p95=    49ms  (n=2)"


async def test_where_only_decisions_are_served_only_they_are_shown(autojump_clock: trio.testing.MockClock) -> None:
    turns = await talked(*(spoken(done_s=0.1, tool=(0.05, "yes")) for _ in range(3)))
    assert [line.split()[0] for line in latency_lines(turns)[1:]] == ["FIRST", "TOOL"]
    assert latency_lines(turns)[1].endswith("(includes prefill)  tool=50ms")


async def test_a_single_turn_has_the_first_row_alone(autojump_clock: trio.testing.MockClock) -> None:
    lines = latency_lines(await talked(turn(10, 20, 30)))
    assert lines[1:] == ["  FIRST  (includes prefill)  ttfb=10ms  3w=20ms  sent=30ms"]


async def test_what_no_turn_had_is_no_row_and_what_some_had_says_of_how_many(
    autojump_clock: trio.testing.MockClock,
) -> None:
    short = spoken((0.1, "Yes."), done_s=0.2)
    lines = latency_lines(await talked(short, short, turn(100, 200, 300)))
    assert [line.rpartition("  ")[2] for line in lines[2:]] == ["(n=2)", "(n=1)", "(n=2)"]
    assert len(latency_lines(await talked(short, spoken((0.1, "Hm"), done_s=0.2)))) == 3


async def test_the_first_turn_stays_out_of_the_others_even_if_it_brought_nothing(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with virtually_connected([]) as connection:
        first = await begin(connection, "start", {}, user="hi")
        with pytest.raises(ClientError):
            await complete(connection, first, 5.0)
    lines = latency_lines([first, *await talked(turn(100, 200, 300))])
    assert lines[1] == "  FIRST  (includes prefill)  no reply"
    assert lines[2].endswith("(n=1)")


async def test_a_turn_that_ended_badly_is_in_no_row(autojump_clock: trio.testing.MockClock) -> None:
    async with virtually_connected(turn(1, 2, 3), [(0.1, "token", {"text": "Half a "})]) as connection:
        done = await begin(connection, "start", {}, user="hi")
        await complete(connection, done, 60.0)
        broken = await begin(connection, "message", {}, user="hi")
        with pytest.raises(ClientError):
            await complete(connection, broken, 5.0)
    assert (broken.outcome, broken.meter.text()) == ("timeout", "Half a ")
    assert len(latency_lines([done, broken])) == 2


def test_without_a_turn_there_is_no_summary() -> None:
    assert latency_lines([]) == []
    assert latency_data([]) == {}


async def test_the_document_has_the_first_apart_in_tenths(autojump_clock: trio.testing.MockClock) -> None:
    data = latency_data(await talked(turn(500, 600, 700), turn(100, 200, 300), turn(200, 300, 400)))
    first = {"ttfb_ms": 500.0, "tool_ms": None, "three_words_ms": 600.0, "sentence_ms": 700.0, "total_ms": 1500.0}
    assert data["first"] == first
    assert data["ttfb_ms"] == {"avg": 150.0, "p50": 150.0, "p90": 190.0, "p95": 195.0, "p99": 199.0, "n": 2}
    assert "tool_ms" not in data


async def test_a_table_has_a_section_only_where_there_are_figures(autojump_clock: trio.testing.MockClock) -> None:
    lines = latency_table({"some:": await talked(turn(100, 200, 300)), "none:": []})
    assert lines[0] == "some:"
    assert lines[2].split() == ["TTFB", "(chat)", *["100.0"] * 4, "1"]
    assert "none:" not in lines


def made(ttfb_ms: float) -> Exchange:
    """A turn that ended well, with one token."""
    done = Exchange(request_id="r", kind="message", user="", meter=TurnMeter(0.0, tokens=[("Hm", ttfb_ms / 1000)]))
    done.outcome = "done"
    return done


@given(st.lists(st.floats(1.0, 1e5), min_size=2, max_size=30))
def test_every_figure_is_that_of_all_turns_but_the_first(samples: list[float]) -> None:
    row = latency_data([made(sample) for sample in samples])["ttfb_ms"]
    assert isinstance(row, dict)
    later = sorted(samples[1:])
    assert row["n"] == len(later)
    assert row["avg"] == pytest.approx(sum(later) / len(later), abs=0.1)
    for name, q in (("p50", 0.5), ("p90", 0.9), ("p95", 0.95)):
        assert row[name] == pytest.approx(percentile(later, q), abs=0.1)
