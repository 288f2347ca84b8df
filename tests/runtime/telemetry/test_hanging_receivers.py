"""Nobody waits for a receiver, and nothing grows while it makes us wait."""

import threading

import pytest
import trio
from attrs import evolve
from structlog.typing import EventDict

from actors.happenings import SessionOpened
from runtime.telemetry import catalogue as of
from runtime.telemetry.books import Snapshot
from runtime.telemetry.otlp.traces import MOST_SPANS
from tests.receivers.behaviour import Behaviour, hanging, slow
from tests.receivers.otlp import OtlpReceiver
from tests.runtime.telemetry.exporting import SPANS, books, dripping, hasty, outlet, running, tell, until, warnings
from tests.runtime.telemetry.stories import CLOSED, OPENED, TURN

# -- that nobody waits -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("behaviour", [hanging(), slow(30)], ids=["hanging", "slow"])
async def test_closing_takes_its_second_and_no_longer(
    behaviour: Behaviour, logged: list[EventDict], autojump_clock: trio.testing.MockClock
) -> None:
    autojump_clock.autojump_threshold = 0.05
    with OtlpReceiver(behaviour) as receiver:
        to = hasty({"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url})
        tell(to)
        async with running(to):
            await until(lambda: len(receiver.requests) >= 1)
            began = trio.current_time()
        assert trio.current_time() - began <= 1.0
    (line,) = warnings(logged)
    assert line["event"] == "telemetry.export_failed"
    assert line["why"] == "at the end: timed out"
    assert line["spans_lost"] >= SPANS


async def test_one_that_drips_holds_one_thread_however_often_it_is_tried(logged: list[EventDict]) -> None:
    with dripping() as port:
        lane = outlet({"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}"}).traces.lane
        before = threading.active_count()
        for _ in range(4):
            outcome = await lane.send(lambda: b"", 0.2)
            assert outcome.why == "timed out"
        assert threading.active_count() - before <= 1
    with trio.fail_after(20):
        await lane.settle()
    lane.close()


async def test_spans_that_found_the_way_taken_wait_for_the_next_time(logged: list[EventDict]) -> None:
    with OtlpReceiver() as receiver:
        to = outlet({"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url})
        tell(to)
        traces = to.traces
        async with traces.lane._limiter:  # as a request does that was given up and is not over
            assert (await traces._send(0.05)).why == "timed out"
            with trio.move_on_after(0.05):
                await traces._send(5.0)
            assert traces.unsent == SPANS
        await to.close(5.0)
        assert len(receiver.spans) == SPANS
    assert [line["spans_lost"] for line in warnings(logged)] == [0]


async def test_spans_for_a_receiver_that_is_gone_are_bounded_and_the_oldest_go_first() -> None:
    with OtlpReceiver() as receiver:
        to = outlet({"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "OTEL_TRACES_BATCH_SIZE": "1000000"})
        to.report(OPENED)
        for number in range(MOST_SPANS):
            to.report(evolve(TURN, turn=number))
        assert to.traces.unsent == MOST_SPANS
        await to.close(5)
        turns = [span.attributes["text_inference.turn"] for span in receiver.spans if span.name == "request"]
        assert turns == list(range(MOST_SPANS // 2, MOST_SPANS))


async def test_the_last_spans_and_numbers_go_out_at_the_end() -> None:
    with OtlpReceiver() as receiver:
        kept = books()
        to = outlet({"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url})
        async with running(to, kept):
            to.report(SessionOpened(7, 9.0))
            to.report(CLOSED)
            kept.add(of.CACHE_RESETS, 5)
        assert [span.name for span in receiver.spans] == ["session"]
        (point,) = receiver.newest["text_inference.cache_resets_total"].points
        assert point.value == 5


async def test_a_mistake_of_ours_is_told_once_and_ends_nothing(logged: list[EventDict]) -> None:
    with OtlpReceiver() as receiver:
        to = hasty({"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url})

        async def look() -> Snapshot:
            raise ZeroDivisionError

        async with trio.open_nursery() as nursery:
            nursery.start_soon(to.run, look)
            await until(lambda: len(warnings(logged)) >= 2)
            tell(to)
            await until(lambda: len(receiver.spans) == SPANS)
            nursery.cancel_scope.cancel()
        await to.close(1)
    assert [line["event"] for line in warnings(logged)] == ["telemetry.failed", "telemetry.export_failed"]
    assert "metrics: ZeroDivisionError" in warnings(logged)[1]["why"]
