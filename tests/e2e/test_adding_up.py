"""Real vLLM, a dozen callers who finish, interrupt, cancel, hang up and leave, and an engine that is killed meanwhile:
what the server counted is what the callers did and were told.
"""

from collections.abc import Iterator
from functools import partial

import pytest
import trio

from tests.e2e.books import wrong
from tests.e2e.breaking import START_S, settings
from tests.e2e.callers import Tally, under_load
from tests.e2e.figures_page import Page, read_page
from tests.e2e.houses import until_empty
from tests.e2e.program import Program
from tests.e2e.weights import write_talker

pytestmark = pytest.mark.engine

CALLERS = 10
BEFORE, AFTER = 3, 20
"""Turns that were ended early in each way before the engine is killed, and turns that ended after the next one came."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """Replies that take longer than a caller needs to walk away; more callers than the engine runs at once."""
    model = write_talker(tmp_path_factory.mktemp("talker"))
    running = Program(
        settings(model, CHAT_MAX_OUT="1500", WS_MAX_MESSAGES_PER_WINDOW="0", WS_MAX_CANCELS_PER_WINDOW="0"), yields=True
    )
    try:
        yield running.wait_ready(START_S)
    finally:
        running.bury()


async def test_what_is_counted_is_what_callers_did_and_were_told(server: Program) -> None:
    tally = Tally()
    with trio.fail_after(2 * START_S):
        await under_load(server, tally, CALLERS, partial(tally.every_way, BEFORE), partial(tally.more_turns, AFTER))
        await until_empty(server.port)
        page = await read_page(server.port)
    print(tally)
    _turns_add_up(page, tally)
    _tokens_add_up(page, tally)
    assert not wrong(page), wrong(page)
    assert page.sum("engine_restarts_total") == 1
    assert tally.ends["error"] >= 1, "the death was noticed"


def _turns_add_up(page: Page, tally: Tally) -> None:
    status = page.by("requests_total", "status")
    left = sum(tally.left.values())
    assert page.sum("requests_accepted_total") == page.sum("requests_total") == tally.accepted
    assert status["completed"] == tally.ends["done"] + _late(page, tally) == page.sum("request_latency_seconds_count")
    assert status["failed"] == tally.ends["error"]
    assert status["cancelled"] == tally.ends["cancelled"] + left - _late(page, tally)
    expected = {
        "client_cancel": tally.cancelled["enough"],
        "barge_in": tally.cancelled["barge_in"],
        "disconnect": tally.left["hang up"] - _late(page, tally),
        "client_end": tally.left["leave"],
    }
    print(expected, page.by("aborts_total", "cause"), page.by("cancellation_total", "cause"))
    happened = {cause: number for cause, number in expected.items() if number}
    assert page.by("aborts_total", "cause") == page.by("cancellation_total", "cause") == happened
    assert len(happened) >= 3, "people interrupted in more than one way"
    assert page.sum("ttft_seconds_count") == tally.heard
    assert page.sum("abort_latency_seconds_count", stage="told") == sum(expected.values())


def _late(page: Page, tally: Tally) -> int:
    """Callers who hung up on a reply that was complete: it lay in their sockets, and they had not read that far."""
    late = tally.left["hang up"] - int(page.sum("aborts_total", cause="disconnect"))
    assert late >= 0
    return late


def _tokens_add_up(page: Page, tally: Tally) -> None:
    generated, completed = "tokens_generated_total", tally.tokens["done"]
    counted = page.sum(generated, status="completed")
    assert counted > completed if _late(page, tally) else counted == completed
    assert page.sum(generated, status="failed") == tally.tokens["error"]
    assert page.sum(generated, cause="client_cancel") == tally.tokens["cancelled enough"]
    assert page.sum(generated, cause="barge_in") == tally.tokens["cancelled barge_in"]
    walked = page.sum(generated, cause="disconnect") + page.sum(generated, cause="client_end")
    assert walked >= sum(tally.left.values()) - _late(page, tally), "of those each had a token at least"
    assert page.sum(generated) == page.sum("completion_tokens_sum")
    assert page.sum("token_latency_seconds_count") <= page.sum(generated)
