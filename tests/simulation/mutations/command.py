"""`just simulate --self-test [NAME ...]`: every mutation is caught, or the simulator cannot be trusted."""

import sys
from collections.abc import Sequence
from importlib import import_module

from tests.simulation.mutations import report
from tests.simulation.mutations.finding import Finding
from tests.simulation.mutations.mutation import named
from tests.simulation.mutations.selftest import control, self_test
from tests.toy import toy_text
from tooling.setup.progress import Progress

SLOW = ("torch", "transformers", "tests.simulation.run")
"""Imported once, before the trials fork from this process."""


def run(names: Sequence[str], seeds: Sequence[int], jobs: int, *, as_json: bool) -> int:
    """Try these mutations (none named: all), each with these seeds at most. 1 if one survived or does not apply.

    Raises `UsageError` for a name that is none.
    """
    mutations = named(names)
    progress = Progress(sys.stderr, name="self-test")
    progress.say(f"{len(mutations)} mutations, at most {len(seeds)} seeds each, {jobs} at a time")
    for module in SLOW:
        import_module(module)
    toy_text()

    def told(finding: Finding) -> None:
        progress.say(report.line(finding))

    findings = self_test(mutations, seeds, jobs, told)
    unchanged = control(sorted({each.seed for each in findings if each.caught}))
    print(report.as_json(findings, unchanged) if as_json else "\n".join(report.lines(findings, unchanged)))
    return int(bool(unchanged.invariant) or not all(each.caught for each in findings))


__all__ = ["run"]
