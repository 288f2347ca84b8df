"""A deterministic engine for tests and the simulator: it says what a script says, in virtual time, or fails as told.

It is never a user's engine. One step every `step_s` gives each running request its next token; the reply to a prompt
is a pure function of the prompt's ids and the seed, unless the script names one.
"""

import math
import random
from collections import Counter, deque
from collections.abc import Callable
from typing import NoReturn

import trio
from attrs import define, field, frozen

from engines.base import (
    Aborted,
    Control,
    Deliver,
    Delta,
    EngineInfo,
    Failed,
    Finished,
    FinishReason,
    GenerationRequest,
    Output,
    Progress,
    Usage,
)
from engines.errors import EngineDead, EngineError, EngineStartFailed, EngineUnavailable, TurnFailed

WORDS = ("well", "the", "rain", "will", "stop", "soon", "and", "then", "we", "can", "walk", "along", "river")


@frozen(kw_only=True)
class Script:
    """How the engine behaves; every failure an engine can have is a setting. Times in seconds, of trio's clock.

    `reply`: token texts of a request (None: made up from its ids and seed). `fail`: after how many tokens a request
    fails (None: never). `ignores_aborts`: aborts are neither obeyed nor confirmed.
    """

    step_s: float = 0.02
    load_s: float = 0.0
    max_running: int = 8
    max_model_len: int = 8192
    fails_to_start: str = ""
    ignores_aborts: bool = False
    reply: Callable[[GenerationRequest], list[str] | None] = lambda _request: None
    fail: Callable[[GenerationRequest], int | None] = lambda _request: None


@define
class _Running:
    request: GenerationRequest
    tokens: deque[str]
    fails_after: float
    done: int = 0


@define(eq=False)
class ScriptedEngine:
    """`engines.base.Engine` without a model; `die` and these are the hands of a test.

    `stalled`: takes no step and says nothing of it. `stopped`: takes no step, and `stuck` says why. `mute`: never
    answers a question.
    """

    script: Script = field(factory=Script)
    stalled: bool = False
    stopped: str | None = None
    mute: bool = False
    submitted: list[GenerationRequest] = field(factory=list)
    aborted: list[str] = field(factory=list)
    steps: int = 0
    _deliver: Deliver | None = None
    _requests: dict[str, _Running] = field(factory=dict)
    _confirm: list[str] = field(factory=list)
    _death: trio.Event = field(factory=trio.Event)
    _why: EngineError | None = None
    _counts: Counter[str] = field(factory=Counter)

    async def open(self, deliver: Deliver, progress: Progress) -> EngineInfo:
        """Sleep for the script's loading time."""
        progress("reading the script")
        await trio.sleep(self.script.load_s)
        if self.script.fails_to_start:
            raise EngineStartFailed(self.script.fails_to_start)
        self._deliver = deliver
        return EngineInfo(name="scripted", max_running=self.script.max_running, max_model_len=self.script.max_model_len)

    def submit(self, request: GenerationRequest) -> None:
        """Queue a request; ids must be new."""
        if self._deliver is None or self._why is not None:
            raise EngineUnavailable("the scripted engine is not open")
        self._counts[request.id] += 1
        assert self._counts[request.id] == 1, f"request id {request.id} was used twice"
        self.submitted.append(request)
        fails = self.script.fail(request)
        tokens = deque(self._reply(request)[: request.max_tokens])
        self._requests[request.id] = _Running(request, tokens, math.inf if fails is None else fails)

    async def handed_over(self) -> None:
        """At once: there is no other process."""
        await trio.lowlevel.checkpoint()

    def abort(self, request_id: str) -> None:
        """Forget a request; the next step confirms it."""
        self.aborted.append(request_id)
        if not self.script.ignores_aborts and self._requests.pop(request_id, None) is not None:
            self._confirm.append(request_id)

    async def watch(self) -> NoReturn:
        """Step until it is told to die."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._run)
            await self._death.wait()
            nursery.cancel_scope.cancel("the scripted engine dies")
        raise self._why or EngineDead("the scripted engine was closed")

    def stuck(self) -> str | None:
        """What the test says."""
        return self.stopped

    async def unfinished(self) -> int | None:
        """Requests it still has; no answer while it is mute."""
        await trio.lowlevel.checkpoint()
        if self.mute:
            await trio.sleep_forever()
        return len(self._requests)

    async def reset_prefix_cache(self) -> bool:
        """It has no cache; as an idle engine it says yes."""
        await trio.lowlevel.checkpoint()
        return not self._requests

    async def close(self) -> None:
        """End."""
        await trio.lowlevel.checkpoint()
        self._why = self._why or EngineDead("the scripted engine was closed")
        self._requests.clear()
        self._death.set()

    def die(self, why: str = "told to die") -> None:
        """Die as a crashed process does: everything it had fails."""
        self._why = EngineDead(why)
        if self._deliver is not None and self._requests:
            self._deliver([(request_id, Failed(self._why)) for request_id in self._requests])
        self._requests.clear()
        self._death.set()

    def forget(self) -> None:
        """Drop what is remembered for tests only."""
        self.submitted.clear()
        self.aborted.clear()
        self._counts.clear()

    def step(self) -> None:
        """One engine step: a token for every running request, in one batch."""
        self.steps += 1
        outputs: list[tuple[str, Output]] = [(request_id, Aborted()) for request_id in self._confirm]
        self._confirm.clear()
        for running in list(self._requests.values())[: self.script.max_running]:
            outputs += [(running.request.id, output) for output in self._advance(running)]
        if outputs and self._deliver is not None:
            self._deliver(outputs)

    async def _run(self) -> None:
        while True:
            await trio.sleep(self.script.step_s)
            if not (self.stalled or self.stopped):
                self.step()

    def _advance(self, running: _Running) -> list[Output]:
        if running.done >= running.fails_after:
            del self._requests[running.request.id]
            return [Failed(TurnFailed("the script says so"))]
        outputs: list[Output] = []
        if running.tokens:
            running.done += 1
            text = running.tokens.popleft()
            outputs.append(Delta(Control(text) if text in running.request.controls.values() else text, 1, 0))
        if not running.tokens:
            del self._requests[running.request.id]
            reason = FinishReason.LENGTH if running.done >= running.request.max_tokens else FinishReason.STOP
            outputs.append(Finished(reason, Usage(len(running.request.prompt_ids), running.done, 0)))
        return outputs

    def _reply(self, request: GenerationRequest) -> list[str]:
        scripted = self.script.reply(request)
        if scripted is not None:
            return list(scripted)
        chance = random.Random(f"{request.seed}:{sum(request.prompt_ids)}")  # noqa: S311 - not for secrets
        return [chance.choice(WORDS) + " " for _ in range(chance.randint(3, 40))]


__all__ = ["Script", "ScriptedEngine"]
