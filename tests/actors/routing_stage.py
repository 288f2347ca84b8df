"""A router on a stage: virtual time, and a classifier that does what a script says."""

import zlib
from collections.abc import Callable, Sequence

import trio
from attrs import define, field

from actors.router import Asker, Decision, RouterActor
from engines.base import Progress
from engines.classifier import Batching, Classifier, ClassifierInfo

PATIENCE_S = 10.0
PAIRS = Batching(2, 0.020)
TRIPLES = Batching(3, 0.020)


def score_of(text: str) -> float:
    """Its own answer for each text, so that a mix-up shows."""
    return (zlib.crc32(text.encode()) % 1000) / 1000


@define(eq=False)
class Scripted:
    """A classifier of `step_s` an inference; `batches` is what it was asked and when."""

    step_s: float = 0.1
    answer: Callable[[Sequence[str]], Sequence[float]] = lambda texts: [score_of(text) for text in texts]
    batches: list[tuple[float, list[str]]] = field(factory=list)
    busy: bool = False

    async def open(self, progress: Progress) -> ClassifierInfo:
        raise NotImplementedError("the actor gets an opened classifier")

    async def classify(self, texts: Sequence[str]) -> Sequence[float]:
        assert not self.busy, "two inferences at once"
        self.batches.append((trio.current_time(), list(texts)))
        self.busy = True
        try:
            await trio.sleep(self.step_s)
        finally:
            self.busy = False
        return self.answer(texts)

    async def close(self) -> None:
        raise NotImplementedError("the actor does not close its classifier")

    @property
    def starts(self) -> list[float]:
        return [at for at, _ in self.batches]

    @property
    def asked(self) -> list[list[str]]:
        return [texts for _, texts in self.batches]


def check_protocol(classifier: Scripted) -> Classifier:
    return classifier


def failing(error: Exception) -> Callable[[Sequence[str]], Sequence[float]]:
    def answer(texts: Sequence[str]) -> Sequence[float]:
        raise error

    return answer


@define(eq=False)
class Stage:
    """A running router and who asks it."""

    router: RouterActor
    nursery: trio.Nursery
    answers: dict[str, Decision] = field(factory=dict)

    async def decide(self, text: str, timeout_s: float = PATIENCE_S) -> Decision:
        return await Asker(self.router.mailbox).decide(text, timeout_s)

    def ask(self, text: str, timeout_s: float = PATIENCE_S) -> trio.CancelScope:
        scope = trio.CancelScope()
        self.nursery.start_soon(self._ask, text, timeout_s, scope)
        return scope

    async def _ask(self, text: str, timeout_s: float, scope: trio.CancelScope) -> None:
        with scope:
            decision = await self.decide(text, timeout_s)
            assert text not in self.answers
            self.answers[text] = decision


async def stage(nursery: trio.Nursery, classifier: Scripted, batching: Batching = PAIRS) -> Stage:
    scene = idle_stage(nursery)
    await nursery.start(scene.router.serve, classifier, batching)
    return scene


def idle_stage(nursery: trio.Nursery) -> Stage:
    """A router without a classifier."""
    router = RouterActor()
    nursery.start_soon(router.run)
    return Stage(router, nursery)
