"""One turn as a task: route, submit, wait for the end, under one cancel scope, with one terminal event."""

import itertools
import secrets
from collections.abc import Callable, Sequence
from typing import Protocol

import trio
from attrs import define, field

from actors.engine.exchange import Exchange
from actors.engine.messages import Message
from actors.generation import Generation, GenerationState, TextSink
from actors.happenings import RouteTold
from actors.router.messages import Decision
from actors.session import events as ev
from actors.session.budgets import Limits, Measure
from actors.session.deployment import Deployment
from actors.session.effects import AbortCause
from actors.session.events import Ending, Routed, TurnEnded
from actors.session.history import History
from actors.session.opening import Profile
from actors.session.prompting import fitting_prompt
from actors.session.reply import Cleaner, Reply, StopStrings
from actors.session.voice import Voice
from engines.base import GenerationRequest, Sampling, Usage
from engines.errors import EngineError, EngineOverloaded, EngineUnavailable, TextRefused, TurnFailed

_request_numbers = itertools.count(1)
_REFUSALS = {
    ev.TurnKind.START: "invalid_user_utterance",
    ev.TurnKind.MESSAGE: "invalid_user_utterance",
    ev.TurnKind.FOLLOWUP: "invalid_analysis_text",
}


class Router(Protocol):
    """The router as a turn needs it."""

    async def decide(self, text: str, timeout_s: float) -> Decision:
        """The decision on these user texts; never raises, never takes longer than `timeout_s`."""


class Sink(Protocol):
    """Where a turn's events go: its session's inbox."""

    def put(self, message: Routed) -> None:
        """Leave one event; never blocks."""

    def deliver(self, message: TurnEnded) -> None:
        """Handle what waits, then this event, before returning; never blocks."""


@define(eq=False)
class Turn:
    """A running turn. `history`: the conversation up to and with its user message.

    `settled`: told the history it was given and the same counted and trimmed, once, if that changed anything.
    `engine`: the mailbox of the chat engine's actor. `paces`: somebody wants to know how its tokens come.
    """

    request: ev.TurnRequested
    site: Deployment
    profile: Profile
    history: History
    sampling: Sampling
    cleaner: Callable[[], Cleaner | None]
    sink: Sink
    text_sink: TextSink
    settled: Callable[[History, History], None]
    engine: trio.MemorySendChannel[Message] | None = None
    router: Router | None = None
    session_number: int = 0
    paces: bool = False
    clock: Callable[[], float] = trio.current_time
    scope: trio.CancelScope = field(factory=trio.CancelScope)
    exchange: Exchange | None = None
    reply: Reply | None = None
    held: list[str] = field(factory=list)
    submitted_at: float | None = None
    route: RouteTold | None = None
    voice: Voice | None = None
    ended: trio.Event = field(factory=trio.Event)
    _speculation_failed: EngineError | None = None

    def __attrs_post_init__(self) -> None:
        self.voice = Voice() if self.paces else None

    @property
    def number(self) -> int:
        """The session's number of this turn."""
        return self.request.turn

    @property
    def generation(self) -> Generation | None:
        """The request that the turn goes by, once it is made."""
        return self.exchange.generation if self.exchange else None

    @property
    def usage(self) -> Usage:
        """Tokens of that request: those that were handed over so far; the engine's own count once it has ended."""
        return self.generation.usage if self.generation else Usage()

    @property
    def exhausted(self) -> bool:
        """Whether the engine has brought every token that the reply may have."""
        generation = self.generation
        return generation is not None and generation.usage.completion_tokens >= generation.request.max_tokens

    @property
    def retry_in(self) -> int:
        """Whole seconds after which a turn that was not taken may be sent again."""
        return self.exchange.retry_in if self.exchange else 1

    @property
    def generations(self) -> Sequence[Generation]:
        """All that it has asked the engine for, one after the other."""
        return self.exchange.made if self.exchange else ()

    @property
    def error_type(self) -> str | None:
        """The class of what the engine failed with, if it did."""
        error = self.generation.error if self.generation else None
        return None if error is None else type(error).__name__

    def stop(self, cause: AbortCause, since: float) -> None:
        """Stop now: the abort is in the mailbox before this returns; the task's terminal event follows.

        `since`: when the cause was read.
        """
        if self.exchange is not None:
            self.exchange.leave(cause, since)
        self.scope.cancel(cause.value)

    def stop_string_found(self) -> None:
        """The reply is complete although the engine would go on."""
        if self.exchange is not None:
            self.exchange.abort(AbortCause.STOP_STRING)

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
            if self.exchange is not None:
                self.exchange.close()
            self.ended.set()
        # Handled here and now: a turn that was talked into is waited for by the next one.
        self.sink.deliver(TurnEnded(turn=self.number, how=how, detail=detail))

    async def _work(self) -> tuple[Ending, str]:
        await trio.lowlevel.checkpoint_if_cancelled()  # stopped before it began: the engine never hears of it
        try:
            if self.engine is not None:
                self.exchange = Exchange(self.engine, self.clock, self.paces)
                await self.exchange.admit()
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
        except TextRefused:
            return Ending.REFUSED, _REFUSALS[self.request.kind]
        except TurnFailed as error:
            return Ending.FAILED, str(error)

    async def _settle(self) -> None:
        """Count what was left uncounted, and trim, if the history can be over its trigger at all."""
        measure, trim = self.profile.measure, self.profile.trim
        if measure is None or trim is None:
            return
        before = self.history
        if before.cost_at_most(measure.at_most) <= trim.trigger:
            return
        over = before.cost > trim.trigger
        chars = sum(len(message.text) for message in (before.messages if over else before.uncounted))
        self.history = await self.site.lanes.prompt(chars, _counted_and_trimmed, before, trim, measure)
        if self.history is not before:
            self.settled(before, self.history)

    async def _route(self) -> bool:
        """Decide, with the chat generated meanwhile; whether a generation now runs."""
        assert self.router is not None, "a routed turn without a router"
        chats = self.exchange is not None
        if chats and self.site.speculates:
            await self._speculate()
        started = self.clock()
        decision = await self.router.decide(self._router_text(), self.site.router_timeout_s)
        self.route = RouteTold(
            started_at=started, seconds=self.clock() - started, yes=decision.yes, score=decision.score
        )
        if decision.yes:
            self._discard()
        self.sink.put(Routed(turn=self.number, yes=decision.yes, score=decision.score, chats=chats))
        if chats and self.generation is None:
            if self._speculation_failed is not None and not decision.yes:
                raise self._speculation_failed
            await self._submit(prefixed=decision.yes)
        return chats

    async def _speculate(self) -> None:
        """Generate beside the router. A failure waits for the decision: the client is owed its `toolcall` first.

        First the engine, which needs longer, and until its process has the request: a router that computes in this
        one would keep the threads that hand it over waiting (docs/decisions/0005).
        """
        assert self.exchange is not None
        try:
            await self._submit(prefixed=False, tells_hand_over=True)
            await self.exchange.handed_over()
        except EngineError as error:
            self._speculation_failed = error

    def _discard(self) -> None:
        """The reply has to be made anew, with what the decision adds to its prompt."""
        self.reply = None
        if self.exchange is not None:
            self.exchange.discard(AbortCause.SPECULATION)

    def _router_text(self) -> str:
        assert self.site.routing is not None
        return self.history.router_text(self.site.routing.budget, self.site.routing.newline_tokens)

    async def _submit(self, *, prefixed: bool, tells_hand_over: bool = False) -> None:
        assert self.exchange is not None
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
            controls=text.format.tokens,
            seed=secrets.randbits(63),
            affinity=self.session_number,
        )
        self.reply = Reply(StopStrings(text.stop_strings), self.cleaner(), text.format)
        self.submitted_at = self.clock()
        self.exchange.submit(request, self.number, self.text_sink, tells_hand_over=tells_hand_over)

    async def _prompt(self, prefixed: bool) -> list[int]:
        history = self.history
        if prefixed:
            history = history.attach_prefix(self.number, self.profile.check_prefix)
        chat_prompt = self.profile.persona.chat_prompt or ""
        render, news = self.profile.render, self.profile.news
        assert render is not None, "a prompt in a deployment without a chat model"
        assert news is not None
        chars = news(history.prompt_messages(chat_prompt))
        room = self.site.max_len - self.site.max_out
        return await self.site.lanes.prompt(chars, fitting_prompt, render, history, chat_prompt, room)

    async def _generated(self) -> tuple[Ending, str]:
        exchange, generation = self.exchange, self.generation
        assert exchange is not None
        assert generation is not None
        with trio.move_on_at(generation.submitted_at + self.site.generation_timeout_s):
            await exchange.ended()
        exchange.catch_up()  # an end that was told in the scheduler turn of the deadline is in time
        match generation.state:
            case GenerationState.RUNNING:
                exchange.abort(AbortCause.TIMEOUT)
                return Ending.TIMED_OUT, "generation_timeout"
            case GenerationState.FINISHED:
                return Ending.COMPLETED, generation.finish_reason
            case GenerationState.ABORTED:
                return Ending.COMPLETED, "stop"  # by ourselves, at a stop string: any other abort cancels the scope
            case GenerationState.FAILED:
                return Ending.FAILED, str(generation.failure)


def _counted_and_trimmed(history: History, limits: Limits, measure: Measure) -> History:
    counted = history.all_counted(measure.count) if history.uncounted else history
    return counted.trimmed(limits, measure.cut)


__all__ = ["Router", "Sink", "Turn"]
