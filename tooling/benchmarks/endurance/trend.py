"""The slope of a series whose neighbours resemble each other, with an interval that is honest about it.

Samples a few seconds apart are no independent ones: an interval that takes them for it is far too narrow, and calls
every slow wave a leak. So the series is cut into 20 blocks of equal time, and the line is fitted to their means (batch
means: A. M. Law, Simulation Modeling and Analysis, 5th ed., section 9.5.3), whose neighbours resemble each other less
the longer the run is. What of that is left is taken into account as climatology does (Santer et al., 2000, J. Geophys.
Res. 105, 7337): the lag-1 autocorrelation r of the residuals leaves n (1 - r) / (1 + r) independent ones of n, which
widens the interval and takes degrees of freedom away.
"""

import numpy as np
from attrs import frozen
from numpy.typing import ArrayLike, NDArray

from tooling.clients.output.intervals import Interval

BLOCKS = 20
FEWEST_BLOCKS = 8
"""Blocks with a sample in them, without which there is no slope."""
FEWEST_FREE = 2
STUDENT = (
    *(4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101),
)
"""The 97.5th percentile of Student's t with 2 to 18 degrees of freedom."""


@frozen
class Trend:
    """`slope`: per unit of time, with its 95 % interval. `mean`: of the series. `blocks`: that it was taken from."""

    slope: float
    interval: Interval
    mean: float
    blocks: int


def trend(times: ArrayLike, values: ArrayLike, blocks: int = BLOCKS) -> Trend | None:
    """Of a series; None of one that is too short. `times` ascend."""
    at, seen = np.asarray(times, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if len(at) < FEWEST_BLOCKS:
        return None
    edges = np.linspace(at[0], at[-1], blocks + 1)
    places = np.clip(np.searchsorted(edges, at, side="right") - 1, 0, blocks - 1)
    filled = np.unique(places)
    if len(filled) < FEWEST_BLOCKS:
        return None
    x = np.array([at[places == place].mean() for place in filled])
    y = np.array([seen[places == place].mean() for place in filled])
    away = x - x.mean()
    slope = float(away @ (y - y.mean()) / (away @ away))
    left = y - y.mean() - slope * away
    alike = _autocorrelation(left)
    independent = len(y) * (1 - alike) / (1 + alike)
    free = max(FEWEST_FREE, int(independent) - 2)
    error = float(np.sqrt(left @ left / max(independent - 2, 1.0) / (away @ away)))
    reach = STUDENT[min(free, len(STUDENT) + 1) - FEWEST_FREE] * error
    return Trend(slope, Interval(slope - reach, slope + reach), float(seen.mean()), len(y))


def _autocorrelation(left: NDArray[np.float64]) -> float:
    """Of neighbours, from 0 to 0.8; one below 0 would make the interval narrower than it may be."""
    spread = float(left @ left)
    if spread == 0.0:
        return 0.0
    return float(np.clip((left[1:] @ left[:-1]) / spread, 0.0, 0.8))


__all__ = ["BLOCKS", "FEWEST_BLOCKS", "Trend", "trend"]
