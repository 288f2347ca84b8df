"""How busy a process that makes load was itself: its share of a core, and how late its loop ran."""

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import trio
from attrs import asdict, define, field, frozen

from tooling.clients.output.percentiles import percentile

TICK_S = 0.02
WINDOW_S = 1.0
BUSY_SHARE = 0.8
"""Of a core, over the whole run: above it what is measured is as much the client as the server."""
BUSY_PEAK = 0.95
LATE_MS = 10.0
"""A loop that is later than this at its 99th percentile adds to what it measures."""
COMFORTABLE_SHARE = 0.5
"""Of a core, for each process that is advised."""


@frozen(kw_only=True)
class Health:
    """Of one process. `cpu_share`: of a core over the run, `cpu_peak`: in its busiest second; lags: of its loop."""

    cpu_share: float = 0.0
    cpu_peak: float = 0.0
    lag_p50_ms: float = 0.0
    lag_p99_ms: float = 0.0
    lag_max_ms: float = 0.0
    wall_s: float = 0.0

    def told(self) -> dict[str, float]:
        """For JSON."""
        return {name: round(value, 3) for name, value in asdict(self).items()}

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> "Health":
        """From JSON."""
        return cls(**{name: float(value) for name, value in told.items()})


@define(eq=False)
class Pulse:
    """Watches the loop it runs in."""

    _lags_ms: list[float] = field(factory=list)
    _shares: list[float] = field(factory=list)
    _began: float = field(factory=time.monotonic)
    _cpu_began_s: float = field(factory=time.process_time)

    async def beat(self) -> None:
        """Until cancelled."""
        due = trio.current_time()
        window, cpu_s = time.monotonic(), time.process_time()
        while True:
            due += TICK_S
            await trio.sleep_until(due)
            now = trio.current_time()
            self._lags_ms.append((now - due) * 1000)
            due = max(due, now - TICK_S)  # a long stall is one lag, not a row of them
            passed = time.monotonic() - window
            if passed >= WINDOW_S:
                self._shares.append((time.process_time() - cpu_s) / passed)
                window, cpu_s = time.monotonic(), time.process_time()

    def health(self) -> Health:
        """Of the time since this was made."""
        wall_s = max(time.monotonic() - self._began, 1e-9)
        share = (time.process_time() - self._cpu_began_s) / wall_s
        lags = sorted(self._lags_ms) or [0.0]
        return Health(
            cpu_share=share,
            cpu_peak=max([*self._shares, share]),
            lag_p50_ms=percentile(lags, 0.5),
            lag_p99_ms=percentile(lags, 0.99),
            lag_max_ms=lags[-1],
            wall_s=wall_s,
        )


def bottleneck(healths: Sequence[Health], cores: int) -> str | None:
    """Why the client may be what was measured, in one sentence that says what to change; None if it was not."""
    if not healths:
        return None
    busiest = max(healths, key=lambda health: health.cpu_share)
    lag_ms = max(health.lag_p99_ms for health in healths)
    peak = max(health.cpu_peak for health in healths)
    if busiest.cpu_share >= BUSY_SHARE or (peak >= BUSY_PEAK and lag_ms >= LATE_MS):
        share = max(busiest.cpu_share, peak if busiest.cpu_share < BUSY_SHARE else 0.0)
        wanted = max(math.ceil(sum(health.cpu_share for health in healths) / COMFORTABLE_SHARE), len(healths) + 1)
        advice = f"use --processes {wanted} or another machine" if wanted < cores else "use another machine for it"
        return f"the client was busy {share:.0%} of a core: {advice}"
    if lag_ms >= LATE_MS:
        return (
            f"the client's loop was {lag_ms:.0f} ms late at its 99th percentile though it was busy "
            f"{busiest.cpu_share:.0%} of a core: something else takes this machine's CPU; use another machine for it"
        )
    return None


__all__ = ["Health", "Pulse", "bottleneck"]
