"""From what actors tell to the books: which happening counts where."""

from collections.abc import Iterator

from attrs import define, field, frozen

from actors import happenings as told
from actors.happenings import GenerationTold, Happening, TurnOver, TurnStatus
from actors.session.effects import AbortCause, Hangup
from runtime.telemetry import catalogue as of
from runtime.telemetry.books import Attributes, Books
from runtime.telemetry.instruments import Instrument, Kind
from runtime.tracebacks import leaves

CHAT = "chat"
"""Name of the operation in OpenTelemetry's GenAI conventions."""


@frozen
class Model:
    """What generations are of, as the GenAI conventions name it. `provider`: the engine."""

    provider: str
    name: str

    @property
    def attributes(self) -> Attributes:
        """Operation, provider, model."""
        return CHAT, self.provider, self.name


@define(eq=False)
class Recorder:
    """An observer that counts."""

    books: Books
    model: Model
    paces: bool = True
    _gen_ai: Attributes = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._gen_ai = self.model.attributes

    def report(self, happening: Happening) -> None:  # noqa: PLR0912 - one arm per happening, by design
        """Count it."""
        books = self.books
        match happening:
            case TurnOver():
                self._turn(happening)
            case told.TurnAccepted():
                books.add(of.REQUESTS_ACCEPTED, 1, happening.kind)
            case told.AbortTold():
                books.record(of.ABORT_LATENCY, happening.seconds, "told")
            case told.AbortConfirmed():
                books.record(of.ABORT_LATENCY, happening.seconds, "confirmed")
            case told.TokensWasted():
                books.add(of.TOKENS_AFTER_ABORT, happening.tokens)
            case told.Classified():
                books.add(of.CLASSIFICATIONS, happening.questions)
                books.record(of.CLASSIFICATION_LATENCY, happening.seconds)
            case told.FrameRefused():
                books.add(of.FRAMES_REFUSED, 1, happening.reason_code)
                if happening.code == "rate_limited":
                    books.add(of.RATE_LIMIT_VIOLATIONS)
            case told.Crashed():
                for name in sorted({type(error).__name__ for error in leaves(happening.error)}):
                    books.add(of.ERRORS, 1, name)
            case told.EngineRestarted():
                books.add(of.ERRORS, 1, type(happening.error).__name__)
            case told.ServerReady():
                books.record(of.STARTUP_DURATION, happening.seconds)
            case told.SlotTaken():
                books.record(of.SLOT_WAIT, happening.waited_s)
            case told.ConnectionRejected():
                books.add(of.CONNECTIONS_REJECTED, 1, happening.reason_code)
            case told.SessionClosed():
                self._session(happening)

    def _session(self, closed: told.SessionClosed) -> None:
        books = self.books
        books.record(of.CONNECTION_DURATION, closed.at - closed.opened_at)
        books.record(of.GENERATIONS_PER_SESSION, closed.turns)
        books.add(of.SESSION_CHURN, 1, "crashed" if closed.why is None else closed.why.value)
        if closed.why is Hangup.IDLE:
            books.add(of.TIMEOUT_DISCONNECTS)

    def _turn(self, over: TurnOver) -> None:
        books, usage, cause = self.books, over.usage, over.cause
        books.add(of.REQUESTS, 1, over.status.value, over.reason)
        if usage.completion_tokens:
            cancelled = over.status is TurnStatus.CANCELLED and cause is not None
            books.add(
                of.TOKENS_GENERATED,
                usage.completion_tokens,
                over.status.value,
                cause.value if cancelled and cause else "",
            )
            books.add(of.PROMPT_TOKENS_TOTAL, usage.prompt_tokens)
            books.add(of.CACHED_PROMPT_TOKENS, usage.cached_tokens or 0)
            books.record(of.PROMPT_TOKENS, usage.prompt_tokens)
            books.record(of.COMPLETION_TOKENS, usage.completion_tokens)
        if over.queued_s is not None:
            books.record(of.QUEUE_WAIT, over.queued_s)
        if over.first_text_at is not None:
            books.record(of.TTFT, over.first_text_at - over.read_at)
        if over.status is TurnStatus.COMPLETED:
            books.record(of.REQUEST_LATENCY, over.ended_at - over.read_at)
        if over.status is TurnStatus.CANCELLED and cause is not None:
            books.add(of.CANCELLATIONS, 1, cause.value)
        if over.error_type is not None:
            books.add(of.ERRORS, 1, over.error_type)
        self._aborts(over)
        for generation in over.generations:
            self._generation(generation)
        if over.speech is not None:
            books.record(of.SPEECH_SILENCE, over.speech.silence_s)
            if over.speech.pauses:
                books.add(of.SPEECH_UNDERRUNS)

    def _aborts(self, over: TurnOver) -> None:
        """What was stopped: the turn, and generations of it for reasons of their own."""
        causes = [each.cause for each in over.generations if each.cause not in (None, over.cause)]
        for cause in (over.cause, *causes):
            if cause is not None:
                self.books.add(of.ABORTS, 1, cause.value)
        if over.cause is not None:
            self.books.record(of.ABORTED_AFTER, over.ended_at - over.read_at, over.cause.value)

    def _generation(self, generation: GenerationTold) -> None:
        books, arrivals, usage = self.books, generation.arrivals, generation.usage
        books.record_gaps(of.TOKEN_LATENCY, arrivals)
        if generation.cause is AbortCause.SPECULATION:
            books.add(of.DISCARDED_TOKENS, usage.completion_tokens)
            return
        if generation.first_at is not None:
            books.record(of.GEN_AI_TTFT, generation.first_at - generation.submitted_at, *self._gen_ai)
        if generation.cause is not None or generation.end == "failed":
            return
        books.record(of.GEN_AI_REQUEST, generation.ended_at - generation.submitted_at, *self._gen_ai)
        books.record(of.GEN_AI_USAGE, usage.prompt_tokens, *self._gen_ai, "input")
        books.record(of.GEN_AI_USAGE, usage.completion_tokens, *self._gen_ai, "output")
        if len(arrivals) > 1:
            books.record(of.GEN_AI_TPOT, (arrivals[-1] - arrivals[0]) / (len(arrivals) - 1), *self._gen_ai)


def zeroes() -> Iterator[tuple[Instrument, Attributes]]:
    """Counters that are there from the start: those without attributes, and aborts by every cause."""
    for instrument in of.CATALOGUE:
        if instrument.kind is Kind.COUNTER and not instrument.observed and not instrument.attributes:
            yield instrument, ()
    for cause in AbortCause:
        yield of.ABORTS, (cause.value,)


__all__ = ["CHAT", "Model", "Recorder", "zeroes"]
