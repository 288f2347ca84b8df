"""The course of a run: callers, looks at the server, and an idle look before and after; a line for each in a file."""

import json
import random
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

import trio
from attrs import define, field, frozen
from tqdm import tqdm

from tooling.benchmarks.endurance.calls import Caller
from tooling.benchmarks.endurance.sampling import Book, Clock, Sample, Window, read, told

WINDOW_S = 60.0
QUIET_S = 60.0
"""How long the last turns may take to leave the engine."""
PAUSE_S = 0.5
CALM_S = 3.0
"""From the last caller's end until the server is taken for idle: closing handshakes, timers of a second."""
LOST_LOOKS = 5


class Gone(Exception):
    """The server cannot be looked at any more."""


@frozen(kw_only=True)
class Plan:
    """What a run is. Seconds."""

    seconds: float
    warm_up_s: float
    every_s: float
    callers: int
    pause_s: float
    seed: int
    engine: str
    model: str


@define(eq=False, kw_only=True)
class Course:
    """A run so far. `before`, `after`: an idle server's looks; None until there was one."""

    plan: Plan
    samples: list[Sample] = field(factory=list)
    windows: list[Window] = field(factory=list)
    book: Book = field(factory=Book)
    before: Sample | None = None
    after: Sample | None = None
    keep: TextIO | None = None

    async def run(self, port: int, pid: int, key: str) -> None:
        """All of it. Raises `Gone`."""
        await self._warmed(port, key)
        self.before = await self._idle(pid, port)
        self._write({"plan": {name: getattr(self.plan, name) for name in Plan.__annotations__}})
        began = trio.current_time()
        with tqdm(total=round(self.plan.seconds), unit="s", disable=None, file=sys.stderr) as bar:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._look, pid, port, began)
                nursery.start_soon(self._count, pid, began, bar)
                for number in range(self.plan.callers):
                    nursery.start_soon(self._caller(port, key, f"{self.plan.seed}-{number}").run)
                await trio.sleep_until(began + self.plan.seconds)
                nursery.cancel_scope.cancel("the time is over")
        self.after = await self._idle(pid, port)
        book = self.book
        counts = {"did": dict(book.did), "ends": dict(book.ends), "troubles": dict(book.troubles)}
        idle = {"before": told(self.before)["sample"], "after": told(self.after)["sample"]}
        self._write({"end": {**counts, **idle}})

    async def _warmed(self, port: int, key: str) -> None:
        """Every way once, so that what is opened once is open before the first look."""
        await self._caller(port, key, "first").each_once()

    def _caller(self, port: int, key: str, seed: str) -> Caller:
        chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
        return Caller(port, key, self.book, self.plan.pause_s, chance)

    async def _look(self, pid: int, port: int, began: float) -> None:
        due, lost = began, 0
        while True:
            try:
                self.samples.append(await Sample.of(pid, port, trio.current_time() - began))
                self._write(told(self.samples[-1]))
                lost = 0
            except (OSError, ValueError, KeyError) as error:
                self.book.troubles[f"a look: {type(error).__name__}: {error}"] += 1
                lost += 1
                if lost == LOST_LOOKS:
                    raise Gone(f"the server could not be looked at {lost} times in a row: {error}") from error
            due = max(due + self.plan.every_s, trio.current_time())
            await trio.sleep_until(due)

    async def _count(self, pid: int, began: float, bar: "tqdm[Any]") -> None:
        clock, due = Clock(pid), began
        clock.shares()
        while True:
            due += WINDOW_S
            await trio.sleep_until(due)
            self.windows.append(self.book.turn_over(trio.current_time() - began, *clock.shares()))
            self._write(told(self.windows[-1]))
            bar.update(WINDOW_S)

    async def _idle(self, pid: int, port: int) -> Sample:
        """A look at the server once nothing is under way, or the last one where something never ends."""
        await trio.sleep(CALM_S)
        deadline = trio.current_time() + QUIET_S
        seen = await Sample.of(pid, port, 0.0)
        while (seen.connections or seen.unfinished) and trio.current_time() < deadline:
            await trio.sleep(PAUSE_S)
            seen = await Sample.of(pid, port, 0.0)
        await trio.sleep(CALM_S)
        return await Sample.of(pid, port, 0.0)

    def _write(self, record: Mapping[str, object]) -> None:
        if self.keep is not None:
            self.keep.write(json.dumps(record) + "\n")
            self.keep.flush()


def read_course(path: Path) -> Course:
    """A run out of its file, also one that was cut off. Raises `ValueError` of a file that is none."""
    lines: Sequence[Mapping[str, Any]] = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    plans = [line["plan"] for line in lines if "plan" in line]
    if len(plans) != 1:
        raise ValueError(f"{path} holds {len(plans)} runs, not one: give a file that --samples wrote")
    course = Course(plan=Plan(**plans[0]))
    for line in lines:
        record = read(line)
        if isinstance(record, Sample):
            course.samples.append(record)
        elif record is not None:
            course.windows.append(record)
        if "end" in line:
            end = line["end"]
            course.before, course.after = (read({"sample": end[name]}) for name in ("before", "after"))  # type: ignore[assignment]  # samples
            for name in ("did", "ends", "troubles"):
                getattr(course.book, name).update(end[name])
    return course


__all__ = ["Course", "Gone", "Plan", "read_course"]
