"""Many seeds, in one process or several, and what was found in them."""

import ctypes
import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context
from pathlib import Path

import structlog
from attrs import evolve, field, frozen
from structlog.typing import EventDict, WrappedLogger

from runtime.settings import SettingsError
from tests.simulation.judge import Breach
from tests.simulation.plan import Case, Plan, encode, load
from tests.simulation.planning import plan_of
from tests.simulation.run import run
from tests.simulation.shrink import shrunk
from tests.toy import toy_text
from tooling.preparing.worker import PR_SET_PDEATHSIG

CHUNK = 10
"""Seeds that a process is given at once."""
YOUNG_OBJECTS = 20_000
"""Between two collections: about what a third of a run makes."""
CORPUS = Path(__file__).parent / "corpus"

Told = Callable[[int, Sequence["Finding"]], None]


@frozen(kw_only=True)
class Finding:
    """A plan that broke an invariant, and the lines of its trace."""

    plan: Plan
    breach: Breach
    lines: tuple[str, ...] = field(repr=False)

    @property
    def found(self) -> str:
        """What was found, in a sentence."""
        return f"{self.breach.name}: {self.breach.detail}"

    def save(self, directory: Path) -> Path:
        """As a case that `--replay` runs."""
        path = directory / f"seed-{self.plan.seed}-{self.breach.name}.json"
        path.write_bytes(encode(Case(found=self.found, plan=self.plan)))
        return path

    def smaller(self) -> "Finding":
        """The same with as little in it as breaks the same invariant."""

        def fails(plan: Plan) -> bool:
            try:
                breach = run(plan).breach
            except SettingsError:  # without one of its settings the others do not go together
                return False
            return breach is not None and breach.name == self.breach.name

        return look_into(shrunk(self.plan, fails)) or self


@frozen(kw_only=True)
class Result:
    """`seeds`: how many were run, in `seconds` of real time."""

    seeds: int
    seconds: float
    findings: tuple[Finding, ...]

    @property
    def rate(self) -> float:
        """Seeds per second."""
        return self.seeds / self.seconds if self.seconds else 0.0


def campaign(seeds: Sequence[int], told: Told, *, at_most: int = 0, jobs: int = 1) -> Result:
    """Run them all, or until so many have failed (0: all). `told`: seeds done, and what was found since last time.

    `jobs`: processes; 1 is this one.
    """
    started, done = time.perf_counter(), 0
    findings: list[Finding] = []
    chunks = [seeds[at : at + CHUNK] for at in range(0, len(seeds), CHUNK)]
    for size, found in _here(chunks) if jobs == 1 else _spread(chunks, jobs):
        findings += found
        done += size
        told(done, found)
        if at_most and len(findings) >= at_most:
            break
    findings.sort(key=lambda finding: finding.plan.seed)
    return Result(seeds=done, seconds=time.perf_counter() - started, findings=tuple(findings[: at_most or None]))


def look_into(plan: Plan) -> Finding | None:
    """Run one."""
    outcome = run(plan)
    if outcome.breach is None:
        return None
    return Finding(plan=plan, breach=outcome.breach, lines=tuple(outcome.trace.lines))


def corpus() -> dict[str, Case]:
    """What was found before, by name."""
    return {path.stem: load(path) for path in sorted(CORPUS.glob("*.json"))}


def quiet() -> None:
    """Log nothing: virtual hours of conversations would print megabytes."""
    structlog.configure(processors=[_drop])


def _here(chunks: Sequence[Sequence[int]]) -> Iterator[tuple[int, list[Finding]]]:
    for chunk in chunks:
        yield _run(chunk)


def _spread(chunks: Sequence[Sequence[int]], jobs: int) -> Iterator[tuple[int, list[Finding]]]:
    """In as many processes; when nobody wants more, what has not begun does not."""
    left = iter(chunks)
    with ProcessPoolExecutor(
        jobs, mp_context=get_context("spawn"), initializer=_prepare, initargs=(os.getpid(),)
    ) as pool:
        running: set[Future[tuple[int, list[Finding]]]] = set()
        try:
            while True:
                running |= {pool.submit(_run, chunk) for _, chunk in zip(range(2 * jobs - len(running)), left)}  # noqa: B905
                if not running:
                    return
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _prepare(parent: int) -> None:
    """A process ends with the one that wants its work, however that one does."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != parent:
        sys.exit(1)
    quiet()
    toy_text()
    gc.collect()
    gc.freeze()  # what imports leave is walked once, not at every tenth run
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])


def _run(seeds: Sequence[int]) -> tuple[int, list[Finding]]:
    """How many seeds, and what they found; traces are made anew where they are wanted."""
    found = [look_into(plan_of(seed)) for seed in seeds]
    return len(seeds), [evolve(each, lines=()) for each in found if each is not None]


def _drop(_logger: WrappedLogger, _method: str, _event: EventDict) -> EventDict:
    raise structlog.DropEvent


__all__ = ["CORPUS", "Finding", "Result", "campaign", "corpus", "look_into", "quiet"]
