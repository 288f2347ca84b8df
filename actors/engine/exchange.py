"""A turn's side of its talk with the chat engine's actor: what it has asked for, and what it was told."""

from array import array
from collections.abc import Callable
from typing import assert_never

import trio
from attrs import define, field

from actors.channels import ENGINE_ANSWERS
from actors.engine.messages import (
    Abort,
    Accepted,
    Admit,
    Answer,
    Busy,
    Ended,
    HandedOver,
    Leave,
    Message,
    ReplyTo,
    Submit,
    TryOut,
)
from actors.generation import Generation, GenerationState, TextSink
from actors.session.effects import AbortCause
from engines.base import Aborted, GenerationRequest


@define(eq=False)
class Exchange:
    """One turn before the engine: at most one request alive at a time, on one place, and nothing left behind.

    Asking awaits the answer. Stopping does not: `abort` and `leave` have put their messages into the actor's mailbox
    when they return, from whatever task they are called; `since`: when the cause was read, now unless it is known.
    `generation`: the request that the turn goes by; `made`: all that it has made. `paces`: when each token comes is
    noted. `retry_in`: whole seconds, once the engine was busy.
    """

    mailbox: trio.MemorySendChannel[Message]
    clock: Callable[[], float] = trio.current_time
    paces: bool = False
    generation: Generation | None = None
    made: list[Generation] = field(factory=list)
    retry_in: int = 1
    _reply_to: ReplyTo = field(init=False)
    _answers: trio.MemoryReceiveChannel[Answer] = field(init=False)
    _asked: bool = False
    _handed_over: bool = False
    _over: bool = False

    def __attrs_post_init__(self) -> None:
        self.mailbox = self.mailbox.clone()
        self._reply_to, self._answers = trio.open_memory_channel[Answer](ENGINE_ANSWERS)

    async def admit(self) -> None:
        """Get a place, before anything is done for the turn. Raises `EngineUnavailable` or `EngineOverloaded`."""
        assert not self._asked, "a turn asks for one place"
        self._asked = True
        self.mailbox.send_nowait(Admit(self._reply_to))
        await self._hear()

    def submit(
        self, request: GenerationRequest, turn: int, sink: TextSink, *, tells_hand_over: bool = False
    ) -> Generation:
        """Hand in a request; its text goes to `sink`. That the engine is busy comes out while its end is awaited."""
        assert self._asked, "a request without a place"
        generation = self._begin(request, turn, sink)
        self.mailbox.send_nowait(Submit(self._reply_to, generation, tells_hand_over))
        return generation

    def try_out(self, request: GenerationRequest, turn: int, sink: TextSink) -> Generation:
        """Warm-up's `submit`, without a place."""
        generation = self._begin(request, turn, sink)
        self.mailbox.send_nowait(TryOut(self._reply_to, generation))
        return generation

    async def handed_over(self) -> None:
        """Return when the request is on its way to the engine's own process, or was held up for too long.

        Raises like `admit`: the engine may have stalled since, or be another one.
        """
        while not (self._handed_over or self._over):
            await self._hear()

    async def ended(self) -> None:
        """Return when the actor has told the end of the request; raises like `handed_over`."""
        while not self._over:
            await self._hear()

    def catch_up(self) -> None:
        """Take note of everything that has been said by now; raises like `handed_over`."""
        while True:
            try:
                answer = self._answers.receive_nowait()
            except trio.WouldBlock:
                return
            self._note(answer)

    def abort(self, cause: AbortCause, since: float | None = None) -> None:
        """Stop the request; without effect if there is none, or it has ended. Nothing more of it is heard."""
        if self.generation is not None and self.is_running:
            now = self.clock()
            self.generation.stop(cause, now)
            since = now if since is None else since
            self.mailbox.send_nowait(Abort(self.generation.request.id, cause, since))

    def discard(self, cause: AbortCause) -> None:
        """Stop the request and go by it no more: another one will be made in its place."""
        self.abort(cause)
        self.generation = None

    def leave(self, cause: AbortCause, since: float | None = None) -> None:
        """Stop the request and give the place back; idempotent."""
        self.abort(cause, since)
        if self._asked:
            self._asked = False
            self.mailbox.send_nowait(Leave(self._reply_to))

    def close(self, cause: AbortCause = AbortCause.INTERNAL) -> None:
        """Leave, and listen no more. Only the task that asks may do so, when it has done with asking."""
        self.leave(cause)
        self._answers.close()
        self.mailbox.close()

    @property
    def is_running(self) -> bool:
        """Whether there is a request that has neither ended nor been stopped, as far as the turn knows."""
        return self.generation is not None and self.generation.state is GenerationState.RUNNING

    def _begin(self, request: GenerationRequest, turn: int, sink: TextSink) -> Generation:
        assert not self.is_running, "two requests on one place"
        arrivals = array("d") if self.paces else None
        self.generation = Generation(request, turn, sink, self.clock(), arrivals=arrivals)
        self.made.append(self.generation)
        self._handed_over = self._over = False
        return self.generation

    async def _hear(self) -> None:
        self._note(await self._answers.receive())

    def _note(self, answer: Answer) -> None:
        match answer:
            case Accepted():
                pass
            case HandedOver():
                self._handed_over = True
            case Busy():
                if self.generation is not None:
                    self.made.remove(self.generation)  # no engine has seen it
                self.generation, self.retry_in, self._over = None, answer.retry_in, True
                raise answer.error
            case Ended():
                self._end(answer)
            case _:
                assert_never(answer)

    def _end(self, answer: Ended) -> None:
        generation = self.generation
        if generation is None or generation.request.id != answer.request_id:
            return  # of a request that was discarded
        self._over = True
        if not isinstance(answer.how, Aborted):
            generation.finish(answer.how, self.clock())


__all__ = ["Exchange"]
