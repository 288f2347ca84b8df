"""The chat engine's actor: takes requests, and spreads each step's outputs over the turns.

Turns talk about the engine with this actor only, through its mailbox, and it alone knows who has a place, which request
is alive and which abort the engine still owes a confirmation. Two things are no messages. A reply's text goes from the
engine's step straight to its turn (`deliver`): a channel hop per token would cost more than the token, and text changes
nothing here. And the supervisor, its owner, calls `attach`, `ready` and `detach`: an engine that is gone has to be gone
for everything that waits in the mailbox, not behind it.
"""

import math
from collections.abc import Callable, Sequence
from typing import NoReturn, assert_never

import trio
from attrs import define, field

from actors.channels import ENGINE_MAILBOX
from actors.engine.admission import Admission
from actors.engine.condition import EngineLimits, EngineState, EngineStats
from actors.engine.messages import (
    Abort,
    Accepted,
    Admit,
    Busy,
    Ended,
    HandedOver,
    Leave,
    Message,
    ReplyTo,
    Submit,
    TryOut,
)
from actors.engine.requests import Request, Requests, tell
from actors.engine.watch import Watch
from actors.generation import Generation
from actors.happenings import NOBODY, AbortConfirmed, AbortTold, Observer, TokensWasted
from engines.base import Aborted, Control, Delta, Engine, Failed, Finished, Output
from engines.errors import EngineDead, EngineError, EngineOverloaded, EngineUnavailable, TurnFailed, told

# A hand-over takes about a millisecond; what is held up longer has other worries than a router beside it.
HAND_OVER_S = 0.05


@define(eq=False)
class EngineActor:
    """Owns the places and requests of one chat engine after the other. `mailbox`: where turns send their messages."""

    limits: EngineLimits = field(factory=EngineLimits)
    clock: Callable[[], float] = trio.current_time
    observer: Observer = NOBODY
    next_try_at: float = 0.0
    last_admitted_at: float = -math.inf
    mailbox: trio.MemorySendChannel[Message] = field(init=False)
    watch: Watch = field(init=False)
    _messages: trio.MemoryReceiveChannel[Message] = field(init=False)
    _nursery: trio.Nursery = field(init=False)
    _admission: Admission = field(factory=Admission)
    _requests: Requests = field(factory=Requests)

    def __attrs_post_init__(self) -> None:
        self.mailbox, self._messages = trio.open_memory_channel[Message](ENGINE_MAILBOX)
        self.watch = Watch(self.limits, self.clock, self._requests)

    async def run(self) -> NoReturn:
        """Handle messages until cancelled. The mailbox stays open then: a turn that ends later may say so."""
        async with trio.open_nursery() as self._nursery:
            while True:
                # In no variable: it would keep the texts of the last turn until somebody else has something to say.
                self._handle(await self._messages.receive())
                self._handle_waiting()
        raise AssertionError("the mailbox was closed")

    def _handle_waiting(self) -> None:
        """What came in the same turn of the loop is handled in one, too."""
        while True:
            try:
                message = self._messages.receive_nowait()
            except trio.WouldBlock:
                return
            self._handle(message)

    def _handle(self, message: Message) -> None:
        match message:
            case Admit():
                self._admit(message.turn)
            case Submit():
                self._submit(message)
            case TryOut():
                self._hand_over(message.generation, message.turn)
            case Abort():
                self._abort(message)
            case Leave():
                self._admission.give_back(message.turn)
            case _:
                assert_never(message)

    # -- turns ---------------------------------------------------------------------------------------------------------

    def _admit(self, turn: ReplyTo) -> None:
        """An aborted request holds no place while the engine confirms its abort: a barge-in on a full engine would
        be refused on account of the turn that it interrupts.
        """
        if self._claim(turn):
            self.last_admitted_at = self.clock()
            tell(turn, Accepted())

    def _submit(self, message: Submit) -> None:
        """The engine may have stalled since the turn was admitted, or be another one, which knows nothing of it."""
        if self._claim(message.turn) and self._hand_over(message.generation, message.turn) and message.tells_hand_over:
            self._nursery.start_soon(self._tell_handed_over, message.turn)

    def _claim(self, turn: ReplyTo) -> bool:
        """Whether the turn has a place in an engine that takes requests; if not it is told so."""
        try:
            if self.state is not EngineState.READY:
                raise EngineUnavailable(f"the chat engine is {self.state.value}")
            self._admission.claim(turn)
        except (EngineUnavailable, EngineOverloaded) as error:
            self._refuse(turn, error)
            return False
        return True

    def _refuse(self, turn: ReplyTo, error: EngineUnavailable | EngineOverloaded) -> None:
        tell(turn, Busy(error, retry_in=max(1, math.ceil(self.next_try_at - self.clock()))))

    def _hand_over(self, generation: Generation, turn: ReplyTo) -> bool:
        """Whether the engine has the request now; if not the turn is told so."""
        request = generation.request
        self.watch.submitting()
        try:
            if self.watch.engine is None:
                raise EngineUnavailable("the chat engine is down")
            self.watch.engine.submit(request)
        except (EngineUnavailable, EngineOverloaded) as error:
            self._refuse(turn, error)
            return False
        except Exception as error:
            # A door: what nobody foresaw is this request's fault as far as anybody knows, and must not end the others.
            failure = error if isinstance(error, EngineError) else TurnFailed(f"not submitted: {told(error)}")
            tell(turn, Ended(request.id, Failed(failure)))
            return False
        self._requests.live[request.id] = Request(generation, turn)
        return True

    async def _tell_handed_over(self, turn: ReplyTo) -> None:
        if self.watch.engine is not None:
            with trio.move_on_after(HAND_OVER_S):
                await self.watch.engine.handed_over()
        tell(turn, HandedOver())

    def _abort(self, message: Abort) -> None:
        """Without effect on a request that has ended, or was never taken."""
        if not self._requests.abort(message.request_id, message.cause, message.since, self.clock()):
            return
        assert self.watch.engine is not None, "a live request without an engine"
        self.watch.engine.abort(message.request_id)
        if self.state is not EngineState.DOWN:
            self.observer.report(AbortTold(message.cause, self.clock() - message.since))

    # -- the engine ----------------------------------------------------------------------------------------------------

    def attach(self, engine: Engine, max_running: int) -> None:
        """A loaded engine takes over. `max_running`: requests it decodes at once."""
        self.watch.attach(engine)
        queue = self.limits.max_queued
        self._admission.limit = max_running + (max_running if queue is None else queue)

    def ready(self) -> None:
        """The engine is warm: turns are taken from now on."""
        self.watch.ready()

    def detach(self, error: EngineError) -> None:
        """The engine is gone: every turn that waits for it is told `error`, who comes later that it is down."""
        self.watch.detach()
        self._admission.clear()
        self._requests.end_all(Failed(error))

    def deliver(self, outputs: Sequence[tuple[str, Output]]) -> None:
        """One engine step's outputs, or several steps' at once, to whom they belong."""
        now = self.clock()
        self.watch.output(now)
        live = self._requests.live
        # A session's text goes to its socket at once, while what it touches is in the processor's caches. Where the
        # loop was late and steps have piled up, each gets one write for all of them.
        for request_id, output in outputs if len(outputs) <= len(live) else joined(outputs):
            request = live.get(request_id)
            if request is None:
                self._late(request_id, output, now)
            elif isinstance(output, Delta):
                request.generation.take(output, now)
            elif isinstance(output, Aborted):
                self._end(request, Failed(EngineDead("the engine ended a request that nobody had cancelled")))
            else:
                self._end(request, output)

    def _late(self, request_id: str, output: Output, now: float) -> None:
        """The engine goes on with a request that was aborted, or says that it is gone."""
        gone = None if isinstance(output, Delta) else self._requests.confirm(request_id)
        if self.state is EngineState.DOWN:  # the warm-up's is nobody's
            return
        if isinstance(output, Delta):
            self.observer.report(TokensWasted(output.tokens))
        elif gone is not None:
            self.observer.report(AbortConfirmed(gone.cause, now - gone.since))

    def _end(self, request: Request, how: Finished | Failed) -> None:
        self._requests.end(request.generation.request.id, how)

    async def wait_aborts_confirmed(self) -> None:
        """Return when the engine has confirmed every abort."""
        await self._requests.wait_aborts_confirmed()

    # -- what can be seen from outside ---------------------------------------------------------------------------------

    @property
    def state(self) -> EngineState:
        """Whether turns are taken."""
        return self.watch.state

    @property
    def trouble(self) -> str | None:
        """Why it is stalled, None if it is not."""
        return self.watch.trouble

    async def unfinished(self) -> int | None:
        """The engine's own count of requests it still has; None while there is no engine, or it cannot say."""
        return await self.watch.engine.unfinished() if self.watch.engine is not None else None

    @property
    def running(self) -> int:
        """Requests alive: running or queued in the engine, and not aborted."""
        return len(self._requests.live)

    @property
    def idle(self) -> bool:
        """Whether no request is alive and no turn on its way to one."""
        return not self._requests.live and not len(self._admission)

    def stats(self) -> EngineStats:
        """A snapshot for health, metrics and tests."""
        books = self._requests
        return EngineStats(
            state=self.state,
            running=len(books.live),
            unconfirmed_aborts=len(books.dying),
            places=len(self._admission),
            aborts={
                cause.value: count for cause, count in sorted(books.aborts.items(), key=lambda pair: pair[0].value)
            },
        )


def joined(outputs: Sequence[tuple[str, Output]]) -> list[tuple[str, Output]]:
    """The same with all text of a request in one `Delta`, where its first was; control tokens stay between texts."""
    whole: list[tuple[str, Output]] = []
    places: dict[str, int] = {}
    for request_id, output in outputs:
        if not isinstance(output, Delta) or output.text.__class__ is Control:
            places.pop(request_id, None)
            whole.append((request_id, output))
            continue
        at = places.setdefault(request_id, len(whole))
        if at == len(whole):
            whole.append((request_id, output))
            continue
        before, more = whole[at][1], output
        assert isinstance(before, Delta)
        cached = more.cached_tokens if before.cached_tokens is None else before.cached_tokens
        whole[at] = (request_id, Delta(before.text + more.text, before.tokens + more.tokens, cached))
    return whole


__all__ = ["EngineActor", "joined"]
