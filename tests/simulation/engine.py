"""The chat engine of a simulation: the scripted one, which speaks and breaks as the plan says."""

import random
from collections.abc import Callable

import trio
from attrs import define, evolve, field

from engines.base import GenerationRequest
from engines.scripted import Script
from tests.simulation.judge import Judge
from tests.simulation.trace import Trace
from tests.simulation.watched import WARM_UP, Watched

WORDS = ("well ", "the ", "rain ", "will ", "stop ", "soon. ", "And ", "then ", "we ", "walk ")
SIGNS = (
    "*nods* ",
    "😀",
    "é",
    "e\u0301",
    "",
    "<|im_",
    "end|",
    "x < y ",
    "1,5 ",
    "Call 555-0199. ",
    "https://a.b/c ",
    "\n\n- ",
)


@define(eq=False)
class Engines:
    """Makes one engine after the other. `made`: all of them; `failing_starts`, `failing_requests`, `refusing`: how many
    of the next ones fail, requests half-way or at the door; `load_s`: how long the next starts take; `late`: see
    `Watched`; `refused`: told of requests turned away.
    """

    seed: int
    voice: str
    script: Script
    trace: Trace
    judge: Judge
    submitted: Callable[[GenerationRequest], None]
    made: list[Watched] = field(factory=list)
    failing_starts: int = 0
    failing_requests: int = 0
    refusing: int = 0
    refused: Callable[[GenerationRequest], None] = field(default=lambda _request: None)
    load_s: float = 0.0
    late: float = 0.0

    @property
    def newest(self) -> Watched | None:
        """The one that runs now, or ran last."""
        return self.made[-1] if self.made else None

    def make(self) -> Watched:
        """The next one."""
        script = evolve(self.script, reply=self._reply, fail=self._fail, load_s=self.load_s)
        if self.failing_starts:
            self.failing_starts -= 1
            script = evolve(script, fails_to_start="the plan says so")
        dice = random.Random(f"{self.seed}:steps of {len(self.made)}")
        engine = Simulated(
            script,
            trace=self.trace,
            told=self.submitted,
            judge=self.judge,
            dice=dice,
            refuses=self._refuses,
            late=self.late,
            excused=bool(script.fails_to_start or script.load_s),
        )
        self.trace.note("engine", f"number {len(self.made)} is made")
        self.made.append(engine)
        return engine

    def _reply(self, request: GenerationRequest) -> list[str] | None:
        """What the voice says to it, drawn from the seed and the request's number."""
        if request.id.startswith(WARM_UP):
            return None
        dice = random.Random(f"{self.seed}:{request.id}")
        match self.voice:
            case "words":
                return [dice.choice(WORDS) for _ in range(dice.randint(1, 40))]
            case "signs":
                return [dice.choice(SIGNS if dice.random() < 0.4 else WORDS) for _ in range(dice.randint(0, 30))]
            case "long":
                return [dice.choice(WORDS) for _ in range(request.max_tokens)]
            case "short":
                return [dice.choice(WORDS) for _ in range(dice.randint(0, 3))]
        raise ValueError(self.voice)

    def _refuses(self, request: GenerationRequest) -> bool:
        if self.refusing and not request.id.startswith(WARM_UP):
            self.refusing -= 1
            self.refused(request)
            return True
        return False

    def _fail(self, request: GenerationRequest) -> int | None:
        if self.failing_requests and not request.id.startswith(WARM_UP):
            self.failing_requests -= 1
            return random.Random(f"{self.seed}:{request.id}:fails").randint(0, 5)
        return None


@define(eq=False)
class Simulated(Watched):
    """Tells what it is asked to do."""

    trace: Trace = field(kw_only=True)
    told: Callable[[GenerationRequest], None] = field(kw_only=True)
    work: trio.Event = field(factory=trio.Event)

    def submit(self, request: GenerationRequest) -> None:
        """As it is."""
        super().submit(request)
        self.work.set()
        if not request.id.startswith(WARM_UP):
            self.trace.note(
                "engine", f"takes {request.id} of session {request.affinity}: {len(request.prompt_ids)} ids"
            )
            self.told(request)

    def abort(self, request_id: str) -> None:
        """As it is."""
        self.trace.note("engine", f"is to stop {request_id}")
        super().abort(request_id)
        self.work.set()

    def die(self, why: str = "told to die") -> None:
        """As it is."""
        self.trace.note("engine", f"dies: {why}")
        super().die(why)

    async def close(self) -> None:
        """As it is."""
        self.trace.note("engine", "is closed")
        await super().close()

    async def _run(self) -> None:
        """As it is, but that an engine with nothing to do sleeps: virtual hours of that are most of what they cost."""
        while True:
            if not (self._requests or self._confirm):
                self.work = trio.Event()
                await self.work.wait()
            await trio.sleep(self.script.step_s)
            if not (self.stalled or self.stopped):
                self.step()


__all__ = ["Engines"]
