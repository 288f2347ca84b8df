"""The checks, in the order of the report; each is a pure function of the facts."""

from collections.abc import Mapping, Sequence

from tooling.doctor.checks import gpu, libraries, machine, quantising, settings, upkeep, versions
from tooling.doctor.facts import Facts
from tooling.doctor.finding import Check, Finding

CHECKS: Mapping[str, Sequence[Check]] = {
    "GPU": gpu.CHECKS,
    "driver, CUDA, Python": versions.CHECKS,
    "packages": libraries.CHECKS,
    "quantising": quantising.CHECKS,
    "machine": machine.CHECKS,
    "kept and running": upkeep.CHECKS,
    "settings": settings.CHECKS,
}


def examine(facts: Facts) -> dict[str, tuple[Finding, ...]]:
    """Group to what its checks say; a question that does not arise is left out."""
    return {
        group: tuple(finding for check in checks if (finding := check(facts)) is not None)
        for group, checks in CHECKS.items()
    }


__all__ = ["CHECKS", "examine"]
