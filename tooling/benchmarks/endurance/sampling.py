"""The server as it looks from outside every few seconds, and what its callers waited a minute."""

import math
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import trio
from attrs import asdict, define, field, frozen

from engines import processes
from engines.vllm.workers import is_worker
from tooling.benchmarks.telemetry.page import page
from tooling.clients.output.percentiles import percentile

MEBIBYTE = 1 << 20
OURS = "text_inference_"


@frozen(kw_only=True)
class Sample:
    """One look. Memory: resident, MiB; `engine_*`: of its core and workers together; `at`: seconds of load.

    `unfinished`: the engine's own count, NaN where it did not answer in time.
    """

    at: float
    server_mib: float
    engine_mib: float
    server_descriptors: float
    engine_descriptors: float
    tasks: float
    unfinished: float
    connections: float
    restarts: float

    @classmethod
    async def of(cls, pid: int, port: int, at: float) -> "Sample":
        """Now. Raises `OSError` where the server is gone."""
        told = figures(await trio.to_thread.run_sync(page, port))
        engine = [each.pid for each in processes.descendants(pid) if is_worker(each)]
        return cls(
            at=at,
            server_mib=_resident_mib([pid]),
            engine_mib=_resident_mib(engine),
            server_descriptors=_descriptors([pid]),
            engine_descriptors=_descriptors(engine),
            tasks=told["tasks"],
            unfinished=told.get("engine_unfinished_requests", math.nan),
            connections=told["active_connections"],
            restarts=told.get("engine_restarts_total", 0.0),
        )


@frozen(kw_only=True)
class Window:
    """A minute of callers; ms, None without a turn. `busy`: of all cores, 0 to 1; `ours`: by the server and its own."""

    at: float
    turns: int
    ttft_p50_ms: float | None
    ttft_p99_ms: float | None
    itl_p50_ms: float | None
    itl_p99_ms: float | None
    busy: float
    ours: float


@define(eq=False)
class Book:
    """What callers did, and in this minute waited. `ends`: of turns, by how each ended for its caller.

    ITL is a turn's mean from piece to piece of its text: of a spoken sentence several pieces come at once.
    """

    did: Counter[str] = field(factory=Counter)
    ends: Counter[str] = field(factory=Counter)
    troubles: Counter[str] = field(factory=Counter)
    _ttft_ms: list[float] = field(factory=list)
    _itl_ms: list[float] = field(factory=list)

    def heard(self, ttft_s: float | None, arrivals: Sequence[float]) -> None:
        """A turn's times: to its first text, and when each piece came."""
        if ttft_s is not None:
            self._ttft_ms.append(ttft_s * 1000)
        if len(arrivals) > 1:
            self._itl_ms.append((arrivals[-1] - arrivals[0]) / (len(arrivals) - 1) * 1000)

    def turn_over(self, at: float, busy: float, ours: float) -> Window:
        """The minute that ends; another begins."""
        ttft, itl = sorted(self._ttft_ms), sorted(self._itl_ms)
        self._ttft_ms, self._itl_ms = [], []
        return Window(
            at=at,
            turns=len(ttft),
            ttft_p50_ms=_at(ttft, 0.5),
            ttft_p99_ms=_at(ttft, 0.99),
            itl_p50_ms=_at(itl, 0.5),
            itl_p99_ms=_at(itl, 0.99),
            busy=busy,
            ours=ours,
        )


@define(eq=False)
class Clock:
    """CPU time of the machine and of a server with all that it started, since the last question."""

    pid: int
    _before: tuple[float, float, float] | None = None

    def shares(self) -> tuple[float, float]:
        """Of all cores: how much was busy, and how much of that the server's. 0 at the first question."""
        words = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]
        ticks = [float(word) for word in words]
        everything, idle = sum(ticks), ticks[3] + ticks[4]
        ours = sum(_ticks(pid) for pid in (self.pid, *(each.pid for each in processes.descendants(self.pid))))
        before, self._before = self._before, (everything, idle, ours)
        if before is None or everything == before[0]:
            return 0.0, 0.0
        passed = everything - before[0]
        return 1 - (idle - before[1]) / passed, max(0.0, ours - before[2]) / passed


def figures(text: str) -> dict[str, float]:
    """Our figures without labels on a metrics page, by their names."""
    found = {}
    for line in text.splitlines():
        name, _, value = line.rpartition(" ")
        if name.startswith(OURS) and "{" not in name:
            found[name.removeprefix(OURS)] = float(value)
    return found


def told(record: Sample | Window) -> dict[str, object]:
    """A line of the file of samples."""
    kind = "sample" if isinstance(record, Sample) else "window"
    values = {name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(record).items()}
    return {kind: {name: None if _is_missing(value) else value for name, value in values.items()}}


def read(line: Mapping[str, Any]) -> Sample | Window | None:
    """Such a line, None for one of another kind."""
    if "sample" in line:
        return Sample(**{name: math.nan if value is None else value for name, value in line["sample"].items()})
    return Window(**line["window"]) if "window" in line else None


def _is_missing(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _at(ordered: list[float], q: float) -> float | None:
    return percentile(ordered, q) if ordered else None


def _resident_mib(pids: Iterable[int]) -> float:
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) for pid in pids)
    return pages * os.sysconf("SC_PAGE_SIZE") / MEBIBYTE


def _descriptors(pids: Iterable[int]) -> int:
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids)


def _ticks(pid: int) -> float:
    """CPU time of a process in the ticks of /proc/stat; 0 of one that has just ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return float(fields[11]) + float(fields[12])


__all__ = ["Book", "Clock", "Sample", "Window", "figures", "read", "told"]
