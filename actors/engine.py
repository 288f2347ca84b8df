"""The chat engine's actor: takes requests, spreads each step's outputs over the sessions, watches for progress.

Submitting and aborting are synchronous: they reach the engine in the caller's scheduler turn. Once a request is
aborted its output is dropped here, by request id; the engine's confirmation is awaited apart from the turn, and
without it within the grace time the engine counts as hung.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence

import structlog
import trio
from attrs import define, field

from actors.admission import Admission, Place
from actors.condition import EngineLimits, EngineState, EngineStats
from actors.generation import Generation, GenerationState, TextSink
from actors.pulse import Pulse
from actors.session.effects import AbortCause
from engines.base import Aborted, Delta, Engine, Failed, Finished, GenerationRequest, Output
from engines.errors import EngineDead, EngineError, EngineHung, EngineUnavailable

log = structlog.get_logger()
WATCH_INTERVAL_S = 0.25
# Together less than the five seconds within which readiness has to fall when an idle engine stalls.
HEARTBEAT_S = 1.0
ANSWER_S = 3.0
# A hand-over takes about a millisecond; what is held up longer has other worries than a router beside it.
HAND_OVER_S = 0.05


@define(eq=False)
class EngineActor:
    """Owns the requests of one chat engine. The supervisor attaches and detaches engine instances."""

    limits: EngineLimits = field(factory=EngineLimits)
    clock: Callable[[], float] = trio.current_time
    state: EngineState = EngineState.DOWN
    next_try_at: float = 0.0
    last_submit_at: float = -math.inf
    last_admitted_at: float = -math.inf
    _engine: Engine | None = None
    _admission: Admission = field(factory=Admission)
    _live: dict[str, Generation] = field(factory=dict)
    _dying: dict[str, float] = field(factory=dict)
    _aborts: Counter[AbortCause] = field(factory=Counter)
    _pulse: Pulse = field(factory=Pulse)
    _trouble: str | None = None
    _prompt_tokens: int = 0
    _cached_tokens: int = 0
    _discarded_tokens: int = 0
    _confirmed: trio.Event = field(factory=trio.Event)

    def attach(self, engine: Engine, max_running: int) -> None:
        """A loaded engine takes over. `max_running`: requests it decodes at once."""
        self._engine, self._pulse = engine, Pulse(self.clock())
        queue = self.limits.max_queued
        self._admission.limit = max_running + (max_running if queue is None else queue)

    def ready(self) -> None:
        """The engine is warm."""
        self.state, self._trouble = EngineState.READY, None

    def detach(self, error: EngineError) -> None:
        """The engine is gone: every turn of it ends with `error`."""
        self.state, self._engine = EngineState.DOWN, None
        self._admission.clear()
        live, self._live = self._live, {}
        self._dying.clear()
        self._announce_confirmation()
        for generation in live.values():
            generation.fail(error)

    def reserve(self) -> Place:
        """Let a turn in, before anything is done for it. Raises `EngineUnavailable` or `EngineOverloaded`.

        Whoever gets the place gives it back. An aborted request holds none while the engine confirms its abort: a
        barge-in on a full engine would be refused on account of the turn that it interrupts.
        """
        self._check_ready()
        place = self._admission.take()
        self.last_admitted_at = self.clock()
        return place

    def retry_in(self) -> int:
        """Whole seconds after which another try makes sense."""
        return max(1, math.ceil(self.next_try_at - self.clock()))

    def submit(self, request: GenerationRequest, turn: int, sink: TextSink, place: Place) -> Generation:
        """Hand a turn's request to the engine; its chunks go to `sink`, its end sets `Generation.ended`.

        Raises like `reserve`: the engine may have stalled since, or be another one, which knows nothing of `place`.
        """
        self._check_ready()
        self._admission.claim(place)
        generation = self._hand_over(request, turn, sink)
        self._admission.occupy(place, generation)
        return generation

    def try_out(self, request: GenerationRequest, turn: int, sink: TextSink) -> Generation:
        """Warm-up's `submit`: for an engine that takes no turns yet."""
        assert self.state is EngineState.DOWN, "warm-up of an engine that serves"
        return self._hand_over(request, turn, sink)

    def _check_ready(self) -> None:
        if self.state is not EngineState.READY:
            raise EngineUnavailable(f"the chat engine is {self.state.value}")

    def _hand_over(self, request: GenerationRequest, turn: int, sink: TextSink) -> Generation:
        if self._engine is None:
            raise EngineUnavailable("the chat engine is down")
        now = self.clock()
        if not self._pending:
            self._pulse.begin(now)
        generation = Generation(request, turn, sink, now)
        self._live[request.id] = generation
        self.last_submit_at = now
        try:
            self._engine.submit(request)
        except EngineError:
            del self._live[request.id]  # not taken, so it has no end to wait for
            raise
        return generation

    async def handed_over(self) -> None:
        """Return when what was submitted is on its way to the engine's own process, or after `HAND_OVER_S`."""
        engine = self._engine
        if engine is None:
            await trio.lowlevel.checkpoint()
            return
        with trio.move_on_after(HAND_OVER_S):
            await engine.handed_over()

    def abort(self, generation: Generation, cause: AbortCause) -> None:
        """Stop a generation; idempotent, and without effect on one that has ended."""
        if self._live.pop(generation.request.id, None) is None:
            return
        assert self._engine is not None, "a live generation without an engine"
        self._aborts[cause] += 1
        self._dying[generation.request.id] = self.clock()
        generation.abort()
        if cause is AbortCause.SPECULATION:
            self._discarded_tokens += generation.usage.completion_tokens
        else:
            self._count(generation)
        self._engine.abort(generation.request.id)

    def deliver(self, outputs: Sequence[tuple[str, Output]]) -> None:
        """One engine step's outputs, to whom they belong."""
        now = self.clock()
        self._pulse.output(now)
        if self.state is EngineState.STALLED:
            self._judge(now)
        poured: list[TextSink] = []
        for request_id, output in outputs:
            generation = self._live.get(request_id)
            if generation is None:
                if not isinstance(output, Delta):
                    self._confirm(request_id)
            elif isinstance(output, Delta):
                if generation.take(output, now):
                    poured.append(generation.sink)
            else:
                del self._live[request_id]
                self._finish(generation, output)
        # Only now, so that nobody's write stands between an output and the session that waits for it.
        for sink in poured:
            sink.flush()

    async def wait_aborts_confirmed(self) -> None:
        """Return when the engine has confirmed every abort."""
        while self._dying:
            await self._confirmed.wait()

    def _confirm(self, request_id: str) -> None:
        self._dying.pop(request_id, None)
        self._announce_confirmation()

    def _announce_confirmation(self) -> None:
        self._confirmed.set()
        self._confirmed = trio.Event()

    def _finish(self, generation: Generation, output: Aborted | Finished | Failed) -> None:
        if isinstance(output, Aborted):
            output = Failed(EngineDead("the engine ended a request that nobody had cancelled"))
        generation.finish(output)
        self._count(generation)

    def _count(self, generation: Generation) -> None:
        # Not the warm-up's, which runs before the engine is ready; nor one that came to nothing.
        if self.state is not EngineState.DOWN and generation.first_output_at is not None:
            self._prompt_tokens += generation.usage.prompt_tokens
            self._cached_tokens += generation.usage.cached_tokens or 0

    async def watch(self) -> None:
        """Raise `EngineHung` when the engine makes no progress for too long, or ignores an abort."""
        while True:
            await trio.sleep(WATCH_INTERVAL_S)
            self._check(self.clock())

    async def heartbeat(self) -> None:
        """Ask the engine something every second that it is idle; one that does not answer is stalled."""
        while True:
            await trio.sleep(HEARTBEAT_S)
            if self._engine is None or self._pending:
                continue
            asked_at = self.clock()
            with trio.move_on_after(ANSWER_S) as patience:
                await self._engine.unfinished()
            if not patience.cancelled_caught:
                self._pulse.answer()
            elif not self._pending and self.last_submit_at < asked_at:
                self._pulse.no_answer(asked_at)

    def _check(self, now: float) -> None:
        if self._engine is None:
            return
        self._pulse.look(self._engine.stuck(), now)
        if self._dying and now - min(self._dying.values()) > self.limits.cancel_grace_s:
            raise EngineHung(f"no confirmation of an abort within {self.limits.cancel_grace_s:g} s")
        since = self._pulse.since(self._pending)
        if since is not None and now - since > self.limits.hang_timeout_s:
            why = self._pulse.trouble(now, self._pending, 0) or "no progress"
            raise EngineHung(f"{why}; given up after {now - since:.0f} s")
        self._judge(now)

    def _judge(self, now: float) -> None:
        """READY or STALLED, whatever the signs say; an engine that is not up is neither."""
        trouble = self._pulse.trouble(now, self._pending, self.limits.stall_timeout_s)
        if trouble and self.state is EngineState.READY:
            self.state = EngineState.STALLED
            log.warning("engine.stalled", why=trouble, pending=self._pending)
        elif not trouble and self.state is EngineState.STALLED:
            self.state = EngineState.READY
            log.info("engine.recovered", was=self._trouble)
        self._trouble = trouble

    @property
    def _pending(self) -> int:
        return len(self._live) + len(self._dying)

    @property
    def trouble(self) -> str | None:
        """Why it is stalled, None if it is not."""
        return self._trouble if self.state is EngineState.STALLED else None

    async def unfinished(self) -> int | None:
        """The engine's own count of requests it still has; None while there is no engine, or it cannot say."""
        return await self._engine.unfinished() if self._engine is not None else None

    @property
    def running(self) -> int:
        """Requests alive: running or queued in the engine, and not aborted."""
        return len(self._live)

    @property
    def idle(self) -> bool:
        """Whether no request is alive and no turn on its way to one."""
        return not self._live and not len(self._admission)

    def stats(self) -> EngineStats:
        """A snapshot for health, metrics and tests."""
        aborts = {cause.value: count for cause, count in sorted(self._aborts.items(), key=lambda pair: pair[0].value)}
        return EngineStats(
            self.state,
            len(self._live),
            len(self._dying),
            len(self._admission),
            aborts,
            self._prompt_tokens,
            self._cached_tokens,
            self._discarded_tokens,
        )


__all__ = ["EngineActor", "EngineLimits", "EngineState", "EngineStats", "Generation", "GenerationState"]
