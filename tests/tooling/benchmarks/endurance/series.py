"""Made-up runs: noise whose neighbours are alike, and a leak of a known slope on top."""

import numpy as np
from numpy.typing import NDArray

from tooling.benchmarks.endurance.course import Course, Plan
from tooling.benchmarks.endurance.sampling import Sample, Window

EVERY_S = 5.0
HOUR_S = 3600.0


def noise(count: int, memory_s: float, seed: int, runs: int = 1) -> NDArray[np.float64]:
    """AR(1) processes of variance 1 that forget within `memory_s` seconds, a row each; 0: white noise."""
    dice = np.random.default_rng(seed)
    kept = float(np.exp(-EVERY_S / memory_s)) if memory_s else 0.0
    found = dice.standard_normal((count, runs))
    found[1:] *= np.sqrt(1 - kept**2)
    for number in range(1, count):
        found[number] += kept * found[number - 1]
    return found.T


def course(
    *, hours: float = 2.0, warm_up_s: float = 900.0, leak_mib: float = 0.0, slower_ms: float = 0.0, seed: int = 1
) -> Course:
    """A run whose memory fills in the warm-up. `leak_mib`, `slower_ms`: by how much memory and TTFT grow an hour."""
    plan = Plan(
        seconds=hours * HOUR_S,
        warm_up_s=warm_up_s,
        every_s=EVERY_S,
        callers=4,
        pause_s=2.0,
        seed=seed,
        engine="vllm",
        model="made up",
    )
    times = np.arange(0, plan.seconds, EVERY_S)
    (around,) = noise(len(times), 30.0, seed)
    filled = 40 * np.minimum(times / warm_up_s, 1.0)
    idle = sample(0.0)
    made = Course(plan=plan, before=idle, after=idle)
    for at, up, wave in zip(times, filled, around, strict=True):
        made.samples.append(sample(float(at), 400 + up + 0.5 * wave + leak_mib * at / HOUR_S, 3 + 0.3 * float(wave)))
    for at in np.arange(60.0, plan.seconds, 60.0):
        ttft = float(30 + slower_ms * at / HOUR_S + around[int(at / EVERY_S)])
        made.windows.append(
            Window(
                at=float(at),
                turns=40,
                ttft_p50_ms=ttft,
                ttft_p99_ms=2 * ttft,
                itl_p50_ms=5,
                itl_p99_ms=9,
                busy=0.5,
                ours=0.4,
            )
        )
    return made


def sample(at: float, memory_mib: float = 400.0, unfinished: float = 0.0, tasks: float = 30.0) -> Sample:
    """A look at a server that is as it should be."""
    return Sample(
        at=at,
        server_mib=memory_mib,
        engine_mib=900.0,
        server_descriptors=24,
        engine_descriptors=60,
        tasks=tasks,
        unfinished=unfinished,
        connections=0,
        restarts=0,
    )
