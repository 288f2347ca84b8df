"""Each kind of end of a turn, and what the books hold after it."""

from array import array
from collections.abc import Sequence
from typing import Any

import pytest
from attrs import evolve

from actors import happenings as told
from actors.happenings import GenerationTold, RouteTold, Speech, TurnOver, TurnStatus
from actors.session.effects import AbortCause, Hangup
from engines.base import Usage
from engines.errors import EngineDead, EngineHung
from runtime.telemetry import catalogue as of
from runtime.telemetry.books import Books, Distribution, Snapshot
from runtime.telemetry.instruments import Instrument
from runtime.telemetry.recorder import Model, Recorder, zeroes
from tests.accounts import count, total
from tests.runtime.telemetry.stories import TURN


def generation(**more: Any) -> GenerationTold:
    """Three tokens, 10 and 30 ms apart, the first after 50 ms."""
    usual = GenerationTold(
        submitted_at=100.01,
        first_at=100.06,
        ended_at=100.11,
        usage=Usage(20, 3, 16),
        end="stop",
        arrivals=array("d", [100.06, 100.07, 100.1]),
    )
    return evolve(usual, **more)


def over(*generations: GenerationTold, **more: Any) -> TurnOver:
    """A turn that was read at 100 s and is over at 100.12 s."""
    usual = evolve(
        TURN,
        read_at=100.0,
        ended_at=100.12,
        queued_s=0.01,
        first_text_at=100.0625,
        usage=generations[-1].usage if generations else Usage(),
        generations=generations,
        speech=Speech(0, 0.0),
    )
    return evolve(usual, **more)


def recorded(*happenings: told.Happening) -> Snapshot:
    """The books after these."""
    recorder = Recorder(Books(0, tuple(zeroes())), Model("vllm", "toy"))
    for happening in happenings:
        recorder.report(happening)
    return recorder.books.snapshot()


def row(books: Snapshot, instrument: Instrument, *attributes: str) -> Distribution:
    """One row of a histogram."""
    value = books[instrument][attributes]
    assert isinstance(value, Distribution)
    return value


def values_in(books: Snapshot, instrument: Instrument, bounds: Sequence[float]) -> list[int]:
    """How many values the buckets with these upper bounds hold."""
    counts = row(books, instrument).counts
    return [counts[instrument.buckets.index(bound)] for bound in bounds]


def test_a_completed_turn_is_in_every_latency() -> None:
    books = recorded(over(generation()))
    assert total(books, of.REQUESTS, "completed", "stop") == 1
    assert values_in(books, of.TTFT, [0.08]) == [1]
    assert row(books, of.TTFT).sum == pytest.approx(0.0625)
    assert row(books, of.REQUEST_LATENCY).sum == pytest.approx(0.12)
    assert row(books, of.QUEUE_WAIT).sum == pytest.approx(0.01)
    assert row(books, of.TOKEN_LATENCY).sum == pytest.approx(0.04)
    assert count(books, of.TOKEN_LATENCY) == 2
    assert total(books, of.TOKENS_GENERATED, "completed") == 3
    assert (total(books, of.PROMPT_TOKENS_TOTAL), total(books, of.CACHED_PROMPT_TOKENS)) == (20, 16)
    assert row(books, of.GEN_AI_TPOT, "chat", "vllm", "toy").sum == pytest.approx(0.02)
    assert row(books, of.GEN_AI_TTFT, "chat", "vllm", "toy").sum == pytest.approx(0.05)
    assert row(books, of.GEN_AI_USAGE, "chat", "vllm", "toy", "output").sum == 3
    assert total(books, of.ABORTS) == 0


def test_every_gap_has_its_own_place_in_the_buckets() -> None:
    books = recorded(over(generation(arrivals=array("d", [1.0, 1.0, 1.0, 1.0125, 1.0615, 1.5]))))
    assert values_in(books, of.TOKEN_LATENCY, [0.0001, 0.0125, 0.05, 0.5]) == [2, 1, 1, 1]


@pytest.mark.parametrize("cause", [AbortCause.CANCEL, AbortCause.BARGE_IN, AbortCause.DISCONNECT, AbortCause.SHUTDOWN])
def test_an_aborted_turn_is_in_no_latency_of_finished_ones(cause: AbortCause) -> None:
    books = recorded(
        over(
            generation(end="aborted", cause=cause, usage=Usage(20, 3, None)),
            status=TurnStatus.CANCELLED,
            reason=cause.value,
            cause=cause,
        )
    )
    assert of.REQUEST_LATENCY not in books
    assert of.GEN_AI_REQUEST not in books
    assert of.GEN_AI_TPOT not in books
    assert total(books, of.CANCELLATIONS, cause.value) == total(books, of.ABORTS, cause.value) == 1
    assert total(books, of.ABORTS) == 1, "once, though the turn and its generation were stopped"
    assert total(books, of.TOKENS_GENERATED, "cancelled", cause.value) == 3
    assert row(books, of.ABORTED_AFTER, cause.value).sum == pytest.approx(0.12)
    assert count(books, of.TTFT) == 1, "it brought tokens"


def test_a_turn_that_was_stopped_before_its_first_token_is_in_no_time_of_tokens() -> None:
    nothing = generation(end="aborted", cause=AbortCause.CANCEL, usage=Usage(20, 0, None), first_at=None, arrivals=())
    books = recorded(
        over(
            nothing,
            status=TurnStatus.CANCELLED,
            reason="client_cancel",
            cause=AbortCause.CANCEL,
            first_text_at=None,
            speech=None,
        )
    )
    assert not {of.TTFT, of.TOKEN_LATENCY, of.GEN_AI_TTFT, of.PROMPT_TOKENS, of.SPEECH_SILENCE} & set(books)
    assert total(books, of.PROMPT_TOKENS_TOTAL) == 0
    assert total(books, of.ABORTS, "client_cancel") == 1


def test_a_turn_that_timed_out_is_failed_and_its_abort_counted_once() -> None:
    books = recorded(
        over(
            generation(end="aborted", cause=AbortCause.TIMEOUT),
            status=TurnStatus.FAILED,
            reason="generation_timeout",
            cause=AbortCause.TIMEOUT,
        )
    )
    assert total(books, of.REQUESTS, "failed", "generation_timeout") == total(books, of.ABORTS, "timeout") == 1
    assert total(books, of.ABORTS) == 1
    assert total(books, of.CANCELLATIONS) == 0


def test_speculation_that_was_thrown_away_counts_apart_from_what_the_client_got() -> None:
    thrown = generation(end="aborted", cause=AbortCause.SPECULATION, usage=Usage(20, 2, 0))
    route = RouteTold(started_at=100.0, seconds=0.02, yes=True, score=0.9)
    books = recorded(over(thrown, generation(), route=route))
    assert total(books, of.DISCARDED_TOKENS) == 2
    assert total(books, of.ABORTS, "speculation") == total(books, of.ABORTS) == 1
    assert total(books, of.TOKENS_GENERATED) == 3
    assert total(books, of.REQUESTS, "completed") == 1
    assert count(books, of.GEN_AI_REQUEST) == 1


def test_the_prefix_caches_hits_are_counted_for_what_clients_got() -> None:
    def of_cached(cached: int | None, completion: int = 1, cause: AbortCause | None = None) -> GenerationTold:
        return generation(usage=Usage(2, completion, cached), cause=cause)

    books = recorded(
        over(of_cached(2)),
        over(of_cached(1, cause=AbortCause.BARGE_IN), status=TurnStatus.CANCELLED, cause=AbortCause.BARGE_IN),
        over(of_cached(2, cause=AbortCause.SPECULATION), of_cached(None)),
        over(of_cached(2, completion=0, cause=AbortCause.CANCEL), status=TurnStatus.CANCELLED, cause=AbortCause.CANCEL),
    )
    assert (total(books, of.PROMPT_TOKENS_TOTAL), total(books, of.CACHED_PROMPT_TOKENS)) == (6, 3)
    assert total(books, of.DISCARDED_TOKENS) == 1


def test_a_reply_that_ends_at_a_stop_string_is_completed_and_its_generation_stopped() -> None:
    books = recorded(over(generation(end="aborted", cause=AbortCause.STOP_STRING)))
    assert total(books, of.REQUESTS, "completed") == total(books, of.ABORTS, "stop_string") == 1
    assert count(books, of.REQUEST_LATENCY) == 1
    assert total(books, of.CANCELLATIONS) == 0


def test_an_engines_failure_is_an_error_by_class() -> None:
    failed = over(generation(end="failed"), status=TurnStatus.FAILED, reason="engine_error", error_type="EngineDead")
    books = recorded(failed, told.EngineRestarted(EngineHung("x")))
    assert total(books, of.ERRORS, "EngineDead") == total(books, of.ERRORS, "EngineHung") == 1
    assert of.GEN_AI_REQUEST not in books


def test_a_crash_counts_each_class_of_error_in_its_group_once() -> None:
    group = ExceptionGroup("g", [ValueError("a"), ExceptionGroup("h", [ValueError("b"), EngineDead("c")])])
    books = recorded(told.Crashed("session", group))
    assert books[of.ERRORS] == {("ValueError",): 1, ("EngineDead",): 1}


@pytest.mark.parametrize(("pauses", "underruns"), [(0, 0), (1, 1), (5, 1)])
def test_a_turn_ran_dry_or_not_however_often(pauses: int, underruns: int) -> None:
    books = recorded(over(generation(), speech=Speech(pauses, 0.5)))
    assert total(books, of.SPEECH_UNDERRUNS) == underruns
    assert row(books, of.SPEECH_SILENCE).sum == 0.5


def test_sessions_rejections_and_refusals_count_by_reason() -> None:
    closed = told.SessionClosed(session=1, opened_at=10.0, at=25.0, turns=4, why=Hangup.IDLE, session_id="s")
    books = recorded(
        closed,
        evolve(closed, why=None),
        told.ConnectionRejected("no_slot"),
        told.SlotTaken(0.02),
        told.FrameRefused("rate_limited", "message_rate_limited"),
        told.FrameRefused("invalid_message", "invalid_json"),
        told.AbortTold(AbortCause.CANCEL, 0.0002),
        told.AbortConfirmed(AbortCause.CANCEL, 0.003),
        told.TokensWasted(2),
        told.Classified(3, 0.004),
        told.ServerReady(12.0),
    )
    assert books[of.SESSION_CHURN] == {("idle_timeout",): 1, ("crashed",): 1}
    assert total(books, of.TIMEOUT_DISCONNECTS) == 1
    assert row(books, of.CONNECTION_DURATION).sum == 30.0
    assert row(books, of.GENERATIONS_PER_SESSION).sum == 8
    assert total(books, of.CONNECTIONS_REJECTED, "no_slot") == 1
    assert total(books, of.RATE_LIMIT_VIOLATIONS) == 1
    assert total(books, of.FRAMES_REFUSED) == 2
    assert row(books, of.ABORT_LATENCY, "told").sum == 0.0002
    assert row(books, of.ABORT_LATENCY, "confirmed").sum == 0.003
    assert total(books, of.TOKENS_AFTER_ABORT) == 2
    assert total(books, of.CLASSIFICATIONS) == 3
    assert row(books, of.STARTUP_DURATION).sum == 12.0
