"""Sessions as traces: true parents, links, times and words, whatever is told in whatever order."""

from random import Random

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from actors import happenings as told
from actors.happenings import Happening, SessionClosed, SessionOpened, TurnStatus
from runtime.telemetry.otlp.spans import Span
from runtime.telemetry.otlp.tracer import MOST_TRACED, Tracer
from runtime.telemetry.otlp.wire import encode_spans
from tests.runtime.telemetry.stories import BARGED_IN, CLOSED, FAILED, MODEL, OPENED, ROUTED, STORY, TURN

NOW_NS = 1_800_000_000_000_000_000


def traced(*story: Happening, share: float = 1.0, seed: int = 1, now_ns: int = NOW_NS) -> list[Span]:
    spans: list[Span] = []
    tracer = Tracer(share, MODEL, spans.append, Random(seed), lambda: now_ns)
    for happening in story:
        tracer.report(happening)
    return spans


def children(spans: list[Span], parent: Span) -> list[Span]:
    return [span for span in spans if span.parent_id == parent.span_id]


def test_a_session_is_one_trace_with_true_parents() -> None:
    spans = traced(*STORY)
    (session,) = [span for span in spans if span.name == "session"]
    assert len({span.trace_id for span in spans}) == 1
    assert len({span.span_id for span in spans}) == len(spans)
    assert session.parent_id == b""
    assert [len(span.trace_id) for span in spans] == [16] * len(spans)
    requests = children(spans, session)
    assert [span.attributes["text_inference.turn"] for span in requests] == [1, 2, 3, 4]
    assert [[child.name for child in children(spans, each)] for each in requests] == [
        ["generation"],
        ["generation"],
        ["route", "generation", "generation"],
        ["route", "generation"],
    ]


def test_a_turn_that_barged_in_links_to_the_one_it_interrupted_and_no_other_does() -> None:
    spans = traced(*STORY)
    _, interrupted, new, _ = [span for span in spans if span.name == "request"]
    assert new.link_id == interrupted.span_id
    assert [span for span in spans if span.link_id] == [new]


def test_a_turn_says_how_it_ended_and_what_it_took() -> None:
    request, generation = traced(OPENED, TURN)
    assert request.attributes == {
        "session.id": "s-7",
        "text_inference.request_id": "r-1",
        "text_inference.turn": 1,
        "text_inference.kind": "start",
        "text_inference.status": "completed",
        "text_inference.reason": "stop",
        "text_inference.queue_wait": 0.02,
        "text_inference.ttft": pytest.approx(0.06),
        "text_inference.speech_pauses": 1,
        "text_inference.speech_silence": 0.25,
    }
    assert generation.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "vllm",
        "gen_ai.request.model": "owner/voice",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 120,
        "gen_ai.usage.output_tokens": 24,
        "gen_ai.usage.cache_read.input_tokens": 96,
        "text_inference.ttft": pytest.approx(0.03),
    }
    assert not request.failed and not generation.failed


def test_a_cancelled_turn_is_no_failure_and_has_its_cause() -> None:
    request, generation = traced(OPENED, BARGED_IN)
    for span in (request, generation):
        assert span.attributes["text_inference.abort_cause"] == "barge_in"
        assert not span.failed
    assert request.attributes["text_inference.status"] == "cancelled"


def test_a_failed_turn_is_an_error_with_its_class() -> None:
    request, route, generation = traced(OPENED, FAILED)
    assert request.failed and generation.failed
    assert request.attributes["error.type"] == "EngineDead"
    assert route.failed
    assert route.attributes == {"text_inference.yes": False}


def test_a_failed_turn_without_a_class_has_its_reason_for_one() -> None:
    request, *_ = traced(OPENED, evolve(FAILED, error_type=None))
    assert request.attributes["error.type"] == "engine_error"


def test_a_decision_has_its_answer_and_score_and_what_it_threw_away_its_cause() -> None:
    _, route, thrown, kept = traced(OPENED, ROUTED)
    assert route.attributes == {"text_inference.yes": True, "text_inference.score": 0.9}
    assert thrown.attributes["text_inference.abort_cause"] == "speculation"
    assert "text_inference.abort_cause" not in kept.attributes
    assert "gen_ai.usage.cache_read.input_tokens" not in kept.attributes


def test_a_session_says_how_it_ended() -> None:
    (session,) = traced(OPENED, CLOSED)
    assert session.attributes == {
        "session.id": "s-7",
        "text_inference.session": 7,
        "text_inference.turns": 3,
        "text_inference.reason": "client_request",
    }
    assert (session.start_ns, session.end_ns) == (NOW_NS - 2_000_000_000, NOW_NS)
    (crashed,) = traced(OPENED, evolve(CLOSED, why=None, session_id=None))
    assert crashed.failed
    assert "session.id" not in crashed.attributes


def test_times_are_the_walls_and_children_lie_within_their_parents() -> None:
    request, generation = traced(OPENED, TURN)
    assert (request.start_ns, request.end_ns) == (NOW_NS - 500_000_000, NOW_NS)
    assert (generation.start_ns, generation.end_ns) == (NOW_NS - 480_000_000, NOW_NS)


@pytest.mark.parametrize("jump_ns", [-(3600 * 10**9), 3600 * 10**9, -2 * NOW_NS])
def test_a_wall_clock_that_jumps_moves_whole_turns(jump_ns: int) -> None:
    spans: list[Span] = []
    walls = iter([NOW_NS, NOW_NS + jump_ns, NOW_NS + jump_ns])
    tracer = Tracer(1.0, MODEL, spans.append, Random(1), lambda: next(walls))
    for happening in (OPENED, TURN, BARGED_IN, CLOSED):
        tracer.report(happening)
    before, _, after, _, session = spans
    assert before.end_ns - before.start_ns == 500_000_000
    assert after.end_ns == max(0, NOW_NS + jump_ns)
    assert after.end_ns - after.start_ns == (500_000_000 if NOW_NS + jump_ns > 0 else 0)
    assert session.end_ns >= session.start_ns


def test_a_session_is_traced_whole_or_not_at_all() -> None:
    assert traced(*STORY, share=0.0) == []
    spans: list[Span] = []
    tracer = Tracer(0.5, MODEL, spans.append, Random(5), lambda: NOW_NS)
    for number in range(400):
        for happening in STORY:
            tracer.report(evolve(happening, session=number))
    kept = [span for span in spans if span.name == "session"]
    assert 150 < len(kept) < 250
    whole = len(traced(*STORY))
    assert len(spans) == whole * len(kept)
    assert len({span.trace_id for span in spans}) == len(kept)
    assert tracer.open == 0


def test_nothing_is_kept_of_turns_and_nothing_of_sessions_that_are_over() -> None:
    tracer = Tracer(1.0, MODEL, lambda _: None, Random(1))
    for number in range(MOST_TRACED + 10):
        tracer.report(SessionOpened(number, 0.0))
    assert tracer.open == MOST_TRACED
    for number in range(MOST_TRACED + 10):
        tracer.report(evolve(CLOSED, session=number))
    assert tracer.open == 0


times = st.floats(-1e9, 1e9)
numbers = st.integers(0, 3)
turns = st.builds(
    evolve,
    st.sampled_from([TURN, BARGED_IN, ROUTED, FAILED]),
    session=numbers,
    turn=st.integers(0, 2**40),
    read_at=times,
    ended_at=times,
    first_text_at=st.none() | times,
    queued_s=st.none() | times,
    status=st.sampled_from(TurnStatus),
    session_id=st.text(),
    request_id=st.text(st.characters()),
    interrupted=st.none() | st.integers(0, 2**40),
)
others = st.sampled_from(
    [
        told.TurnAccepted(1, 1, "start"),
        told.TokensWasted(3),
        told.ServerReady(2.0),
        told.Crashed("session", ValueError("x"), 1),
        told.FrameRefused("a", "b"),
    ]
)
anything = st.one_of(
    st.builds(SessionOpened, numbers, times),
    turns,
    st.builds(evolve, st.just(CLOSED), session=numbers, at=times, opened_at=times, session_id=st.none() | st.text()),
    others,
)


@given(st.lists(anything, max_size=30), st.integers(-(10**18), 2**70))
def test_whatever_is_told_can_be_sent_and_leaves_nothing(story: list[Happening], now_ns: int) -> None:
    spans: list[Span] = []
    tracer = Tracer(1.0, MODEL, spans.append, Random(1), lambda: now_ns)
    for happening in story:
        tracer.report(happening)
    for number in range(4):
        tracer.report(evolve(CLOSED, session=number))
    assert tracer.open == 0
    assert all(span.start_ns <= span.end_ns for span in spans)
    assert encode_spans(spans, {"service.name": "yap"})


def test_a_session_that_was_never_opened_is_not_traced() -> None:
    assert traced(TURN, CLOSED) == []
    assert traced(OPENED, CLOSED, TURN, CLOSED)[1:] == []
    assert isinstance(CLOSED, SessionClosed)
