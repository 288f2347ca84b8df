"""Many seeds, one after the other, and what was found in them."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from attrs import field, frozen

from tests.simulation.judge import Breach
from tests.simulation.plan import Case, Plan, encode
from tests.simulation.planning import plan_of
from tests.simulation.run import run


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


def campaign(seeds: Iterable[int], told: Callable[[int, int], None], *, at_most: int = 0) -> Result:
    """Run them all, or until so many have failed (0: all). `told`: seeds done and failed, after each."""
    started, done = time.perf_counter(), 0
    findings: list[Finding] = []
    for seed in seeds:
        finding = look_into(plan_of(seed))
        findings += [finding] if finding else []
        done += 1
        told(done, len(findings))
        if at_most and len(findings) >= at_most:
            break
    return Result(seeds=done, seconds=time.perf_counter() - started, findings=tuple(findings))


def look_into(plan: Plan) -> Finding | None:
    """Run one."""
    outcome = run(plan)
    if outcome.breach is None:
        return None
    return Finding(plan=plan, breach=outcome.breach, lines=tuple(outcome.trace.lines))


__all__ = ["Finding", "Result", "campaign", "look_into"]
