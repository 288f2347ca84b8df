"""Spans as plain data: what a turn and a session look like in a trace.

One trace is one session: `session` > `request` (a turn) > `route`, `generation`. All that is said of a turn is known
when it ends, so its spans are made then, and nothing is kept of turns that run.
"""

import enum
from collections.abc import Callable, Iterator, Mapping

import msgspec
from attrs import frozen

from actors.happenings import GenerationTold, RouteTold, SessionClosed, TurnOver, TurnStatus
from runtime.telemetry.recorder import CHAT, Model

Value = str | bool | int | float | tuple[str, ...]
Bits = Callable[[int], int]
"""So many random bits, as a number."""
NS = 1_000_000_000
LATEST_NS = 2**63 - 1
"""Of what every reader of OTLP's unsigned nanoseconds can hold."""
SPAN_IDS = 2**64


class SpanKind(enum.Enum):
    """OTLP's numbers: work inside the process, and what a client asked for."""

    INTERNAL = 1
    SERVER = 2


class Span(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One span that has ended. Ids are bytes, times Unix time in nanoseconds, attributes flat.

    `parent_id`: empty at the root. `link_id`: a span of the same trace that this one came in upon, or empty.
    """

    name: str
    kind: SpanKind
    trace_id: bytes
    span_id: bytes
    parent_id: bytes = b""
    start_ns: int
    end_ns: int
    attributes: Mapping[str, Value]
    link_id: bytes = b""
    failed: bool = False


@frozen
class Trace:
    """A session that is traced. `first`: where the ids of its requests begin, so that any of them can be told from its
    turn's number alone.
    """

    session: int
    trace_id: bytes
    span_id: bytes
    first: int

    def request_id(self, turn: int) -> bytes:
        """Id of a turn's span."""
        return _span_id(self.first + turn)


@frozen
class Wall:
    """The clock's seconds as Unix time. Made anew at each report: a wall clock that jumps moves whole turns."""

    now_ns: int
    now: float

    def at(self, time: float) -> int:
        """Nanoseconds."""
        return min(max(0, self.now_ns + round((time - self.now) * NS)), LATEST_NS)

    def between(self, start: float, end: float) -> tuple[int, int]:
        """Both, in this order whatever was told."""
        start_ns = self.at(start)
        return start_ns, max(start_ns, self.at(end))


def new_trace(session: int, bits: Bits) -> Trace:
    """A trace with ids of its own."""
    return Trace(session, _nonzero(bits, 128).to_bytes(16), _span_id(_nonzero(bits, 64)), _nonzero(bits, 63))


def of_turn(trace: Trace, over: TurnOver, wall: Wall, model: Model, bits: Bits) -> Iterator[Span]:
    """A turn's spans: its own, and one for its decision and each of its generations."""
    request_id = trace.request_id(over.turn)
    start_ns, end_ns = wall.between(over.read_at, over.ended_at)
    yield Span(
        name="request",
        kind=SpanKind.SERVER,
        trace_id=trace.trace_id,
        span_id=request_id,
        parent_id=trace.span_id,
        start_ns=start_ns,
        end_ns=end_ns,
        attributes=_about_turn(over),
        link_id=b"" if over.interrupted is None else trace.request_id(over.interrupted),
        failed=over.status is TurnStatus.FAILED,
    )
    within = _Within(trace.trace_id, request_id, wall, bits)
    if over.route is not None:
        yield _route(within, over.route)
    for generation in over.generations:
        yield _generation(within, generation, model)


def of_session(trace: Trace, closed: SessionClosed, wall: Wall) -> Span:
    """The root of a trace."""
    start_ns, end_ns = wall.between(closed.opened_at, closed.at)
    attributes: dict[str, Value] = {
        "text_inference.session": closed.session,
        "text_inference.turns": closed.turns,
        "text_inference.reason": "crashed" if closed.why is None else closed.why.value,
    }
    if closed.session_id is not None:
        attributes["session.id"] = closed.session_id
    return Span(
        name="session",
        kind=SpanKind.SERVER,
        trace_id=trace.trace_id,
        span_id=trace.span_id,
        start_ns=start_ns,
        end_ns=end_ns,
        attributes=attributes,
        failed=closed.why is None,
    )


def _about_turn(over: TurnOver) -> dict[str, Value]:
    attributes: dict[str, Value] = {
        "session.id": over.session_id,
        "text_inference.request_id": over.request_id,
        "text_inference.turn": over.turn,
        "text_inference.kind": over.kind,
        "text_inference.status": over.status.value,
        "text_inference.reason": over.reason,
    }
    if over.cause is not None:
        attributes["text_inference.abort_cause"] = over.cause.value
    if over.status is TurnStatus.FAILED:
        attributes["error.type"] = over.error_type or over.reason
    if over.queued_s is not None:
        attributes["text_inference.queue_wait"] = over.queued_s
    if over.first_text_at is not None:
        attributes["text_inference.ttft"] = over.first_text_at - over.read_at
    if over.speech is not None:
        attributes["text_inference.speech_pauses"] = over.speech.pauses
        attributes["text_inference.speech_silence"] = over.speech.silence_s
    return attributes


@frozen
class _Within:
    """Where a child belongs."""

    trace_id: bytes
    parent_id: bytes
    wall: Wall
    bits: Bits

    def span(self, name: str, between: tuple[float, float], attributes: Mapping[str, Value], *, failed: bool) -> Span:
        start_ns, end_ns = self.wall.between(*between)
        return Span(
            name=name,
            kind=SpanKind.INTERNAL,
            trace_id=self.trace_id,
            span_id=_span_id(_nonzero(self.bits, 64)),
            parent_id=self.parent_id,
            start_ns=start_ns,
            end_ns=end_ns,
            attributes=attributes,
            failed=failed,
        )


def _route(within: _Within, route: RouteTold) -> Span:
    attributes: dict[str, Value] = {"text_inference.yes": route.yes}
    if route.score is not None:
        attributes["text_inference.score"] = route.score
    between = route.started_at, route.started_at + route.seconds
    return within.span("route", between, attributes, failed=route.score is None)


def _generation(within: _Within, told: GenerationTold, model: Model) -> Span:
    """Attributes: OpenTelemetry's GenAI conventions (development), and ours where they have none."""
    usage = told.usage
    attributes: dict[str, Value] = {
        "gen_ai.operation.name": CHAT,
        "gen_ai.provider.name": model.provider,
        "gen_ai.request.model": model.name,
        "gen_ai.response.finish_reasons": (told.end,),
        "gen_ai.usage.input_tokens": usage.prompt_tokens,
        "gen_ai.usage.output_tokens": usage.completion_tokens,
    }
    if usage.cached_tokens is not None:
        attributes["gen_ai.usage.cache_read.input_tokens"] = usage.cached_tokens
    if told.cause is not None:
        attributes["text_inference.abort_cause"] = told.cause.value
    if told.first_at is not None:
        attributes["text_inference.ttft"] = told.first_at - told.submitted_at
    return within.span("generation", (told.submitted_at, told.ended_at), attributes, failed=told.end == "failed")


def _nonzero(bits: Bits, count: int) -> int:
    return bits(count) or 1


def _span_id(number: int) -> bytes:
    return (number % SPAN_IDS or 1).to_bytes(8)


__all__ = ["Bits", "Span", "SpanKind", "Trace", "Value", "Wall", "new_trace", "of_session", "of_turn"]
