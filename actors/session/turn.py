"""One turn as a task: route, submit, wait for the end, under one cancel scope, with one terminal event."""

import itertools
import math
import secrets
from collections.abc import Callable
from typing import Protocol

import structlog
import trio
from attrs import define, field, frozen

from actors.admission import Place
from actors.engine import EngineActor
from actors.generation import Generation, GenerationState, TextSink
from actors.session import events as ev
from actors.session.budgets import Limits, Measure
from actors.session.deployment import Deployment
from actors.session.effects import AbortCause
from actors.session.events import Ending, Routed, TurnEnded
from actors.session.history import History
from actors.session.opening import Profile
from actors.session.reply import Cleaner, Reply, StopStrings
from engines.base import GenerationRequest, Sampling, Usage
from engines.errors import EngineError, EngineOverloaded, EngineUnavailable, TurnFailed

log = structlog.get_logger()
_request_numbers = itertools.count(1)


@frozen
class Decision:
    """The router's answer. `score` None: it timed out or failed, which counts as no."""

    yes: bool
    score: float | None


class Router(Protocol):
    """The router as a turn needs it."""

    async def decide(self, text: str, timeout_s: float) -> Decision:
        """The decision on these user texts; never raises, never takes longer than `timeout_s`."""


class Sink(Protocol):
    """Where a turn's events go: its session's inbox."""

    def put(self, message: Routed | TurnEnded) -> None:
        """Leave one event; never blocks."""


@define(eq=False)
class Turn:
    """A running turn. `history`: the conversation up to and with its user message.

    `settled`: told the history it was given and the same counted and trimmed, once, if that changed anything.
    """

    request: ev.TurnRequested
    site: Deployment
    profile: Profile
    history: History
    sampling: Sampling
    cleaner: Callable[[bool], Cleaner | None]
    sink: Sink
    text_sink: TextSink
    settled: Callable[[History, History], None]
    engine: EngineActor | None = None
    router: Router | None = None
    session_number: int = 0
    clock: Callable[[], float] = trio.current_time
    scope: trio.CancelScope = field(factory=trio.CancelScope)
    place: Place | None = None
    generation: Generation | None = None
    reply: Reply | None = None
    held: list[str] = field(factory=list)
    submitted_at: float | None = None
    routed_after_s: float | None = None
    ended: trio.Event = field(factory=trio.Event)
    _speculation_failed: EngineError | None = None

    @property
    def number(self) -> int:
        """The session's number of this turn."""
        return self.request.turn

    @property
    def usage(self) -> Usage:
        """Engine-true token counts of the delivered generation so far."""
        return self.generation.usage if self.generation else Usage()

    @property
    def exhausted(self) -> bool:
        """Whether the engine has brought every token that the reply may have."""
        generation = self.generation
        return generation is not None and generation.usage.completion_tokens >= generation.request.max_tokens

    def stop(self, cause: AbortCause) -> None:
        """Stop now: the engine hears of it before this returns; the task's terminal event follows."""
        self._abort(cause)
        self._leave()
        self.scope.cancel(cause.value)

    def stop_string_found(self) -> None:
        """The reply is complete although the engine would go on."""
        self._abort(AbortCause.STOP_STRING)

    def log_end(self, how: str, cause: str) -> None:
        """The canonical line of a turn; texts are not in it."""
        first = self.generation.first_output_at if self.generation else None
        log.info(
            "turn.finished",
            turn=self.number,
            kind=self.request.kind.value,
            how=how,
            cause=cause,
            prompt_tokens=self.usage.prompt_tokens,
            tokens=self.usage.completion_tokens,
            cached_tokens=self.usage.cached_tokens,
            engine_ttft_ms=None if first is None else round((first - self.request.read_at) * 1000, 1),
            total_ms=math.ceil((self.clock() - self.request.read_at) * 1000),
        )

    async def run(self) -> None:
        """Do the turn's work and send its terminal event.

        None is sent for an exception that nobody foresaw: it ends the session, and the barrier around the connection
        owes the client a frame for the turn that is unfinished then.
        """
        how, detail = Ending.CANCELLED, ""
        try:
            with self.scope:
                how, detail = await self._work()
        finally:
            self._abort(AbortCause.INTERNAL)
            self._leave()
            self.ended.set()
        self.sink.put(TurnEnded(turn=self.number, how=how, detail=detail))

    async def _work(self) -> tuple[Ending, str]:
        await trio.lowlevel.checkpoint_if_cancelled()  # stopped before it began: the engine never hears of it
        try:
            if self.engine is not None:
                self.place = self.engine.reserve()
            await self._settle()
            if not self.request.routed:
                await self._submit(prefixed=False)
            elif not await self._route():
                return Ending.COMPLETED, "tool"
            return await self._generated()
        except EngineUnavailable:
            return Ending.BUSY, "engine_unavailable"
        except EngineOverloaded:
            return Ending.BUSY, "engine_queue_full"
        except TurnFailed as error:
            return Ending.FAILED, str(error)

    async def _settle(self) -> None:
        """Count what the last turn left uncounted, and trim."""
        measure, trim = self.profile.measure, self.profile.trim
        if measure is None or trim is None:
            return
        before = self.history
        over = before.cost > trim.trigger
        chars = sum(len(message.text) for message in (before.messages if over else before.uncounted))
        self.history = await self.site.lanes.prompt(chars, _counted_and_trimmed, before, trim, measure)
        if self.history is not before:
            self.settled(before, self.history)

    async def _route(self) -> bool:
        """Decide, with the chat generated meanwhile; whether a generation now runs."""
        assert self.router is not None, "a routed turn without a router"
        chats = self.engine is not None
        if chats and self.site.speculates:
            # First the engine, which needs longer, and until its process has the request: a router that computes in
            # this one would keep the threads that hand it over waiting (docs/decisions/0005).
            await self._speculate()
            if self.engine is not None and self.generation is not None:
                await self.engine.handed_over()
        started = self.clock()
        decision = await self.router.decide(self._router_text(), self.site.router_timeout_s)
        self.routed_after_s = self.clock() - started
        if decision.yes:
            self._abort(AbortCause.SPECULATION)
            self.generation = self.reply = None
        self.sink.put(Routed(turn=self.number, yes=decision.yes, score=decision.score, chats=chats))
        if chats and self.generation is None:
            if self._speculation_failed is not None and not decision.yes:
                raise self._speculation_failed
            await self._submit(prefixed=decision.yes)
        return chats

    async def _speculate(self) -> None:
        """Generate beside the router. A failure waits for the decision: the client is owed its `toolcall` first."""
        try:
            await self._submit(prefixed=False)
        except EngineError as error:
            self._speculation_failed = error

    def _router_text(self) -> str:
        assert self.site.routing is not None
        return self.history.router_text(self.site.routing.budget, self.site.routing.newline_tokens)

    async def _submit(self, prefixed: bool) -> None:
        assert self.engine is not None
        assert self.place is not None
        ids = await self._prompt(prefixed)
        # A decision or a rendered prompt can arrive in the very scheduler turn in which the turn is stopped.
        await trio.lowlevel.checkpoint_if_cancelled()
        text = self.site.text
        assert text is not None
        request = GenerationRequest(
            id=f"t{next(_request_numbers)}",
            prompt_ids=ids,
            sampling=self.sampling,
            max_tokens=self.site.max_out,
            stop_token_ids=text.stop_token_ids,
            seed=secrets.randbits(63),
            affinity=self.session_number,
        )
        self.reply = Reply(StopStrings(text.stop_strings), self.cleaner(text.opens_reasoning))
        self.submitted_at = self.clock()
        self.generation = self.engine.submit(request, self.number, self.text_sink, self.place)

    async def _prompt(self, prefixed: bool) -> list[int]:
        history = self.history
        if prefixed:
            history = history.attach_prefix(self.number, self.profile.check_prefix)
        chat_prompt = self.profile.persona.chat_prompt or ""
        chars = len(chat_prompt) + sum(len(message.text) for message in history.messages)
        return await self.site.lanes.prompt(chars, self._fitting_prompt, history, chat_prompt)

    def _fitting_prompt(self, history: History, chat_prompt: str) -> list[int]:
        """Prompt ids that leave room for the reply: merges across messages can cost more than the parts did."""
        render = self.profile.render
        assert render is not None, "a prompt in a deployment without a chat model"
        while True:
            ids = render(history.prompt_messages(chat_prompt))
            if len(ids) + self.site.max_out <= self.site.max_len:
                return ids
            shorter = history.without_oldest()
            if shorter == history:
                raise TurnFailed(f"the prompt has {len(ids)} tokens and cannot be made shorter")
            history = shorter

    async def _generated(self) -> tuple[Ending, str]:
        generation = self.generation
        assert generation is not None
        with trio.move_on_at(generation.submitted_at + self.site.generation_timeout_s):
            await generation.ended.wait()
        match generation.state:
            case GenerationState.RUNNING:
                self._abort(AbortCause.TIMEOUT)
                return Ending.TIMED_OUT, "generation_timeout"
            case GenerationState.FINISHED:
                return Ending.COMPLETED, generation.finish_reason
            case GenerationState.ABORTED:
                return Ending.COMPLETED, "stop"  # by ourselves, at a stop string: any other abort cancels the scope
            case GenerationState.FAILED:
                return Ending.FAILED, str(generation.failure)

    def _abort(self, cause: AbortCause) -> None:
        if self.generation is not None and self.engine is not None:
            self.engine.abort(self.generation, cause)

    def _leave(self) -> None:
        if self.place is not None:
            self.place.give_back()


def _counted_and_trimmed(history: History, limits: Limits, measure: Measure) -> History:
    counted = history.all_counted(measure.count) if history.uncounted else history
    return counted.trimmed(limits, measure.cut)


__all__ = ["Decision", "Router", "Sink", "Turn"]
