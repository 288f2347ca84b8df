"""What a self-test says: a table, or one JSON object."""

import json
from collections.abc import Iterator, Sequence

from attrs import asdict

from tests.simulation.mutations.finding import Finding
from tooling.benchmarks.figures import table


def lines(findings: Sequence[Finding], unchanged: Finding) -> Iterator[str]:
    """For people, and for docs/reliability/mutations.md."""
    yield from table(
        [
            {"mutation": each.mutation, "file": f"`{each.file}`", "caught by": each.verdict, "seeds": each.seeds}
            for each in findings
        ]
    )
    yield ""
    for each in findings:
        if each.stale:
            yield f"{each.mutation}: the patch does not apply ({each.stale}); make it anew, or take it out"
        elif not each.caught:
            yield f"{each.mutation}: survived {each.seeds} seeds. {each.sentence} Which invariant or deed is missing?"
    if unchanged.invariant:
        yield f"the tree without a mutation breaks {unchanged.invariant} with seed {unchanged.seed}: {unchanged.detail}"
    caught = [each.invariant for each in findings if each.caught]
    yield f"{len(caught)} of {len(findings)} mutations caught, by {len(set(caught))} invariants"


def line(finding: Finding) -> str:
    """One as it comes, on stderr."""
    how = finding.detail if finding.caught else finding.stale
    return f"{finding.mutation}: {finding.verdict}, {finding.seeds} seeds, {finding.seconds:.0f} s {how[:160]}".rstrip()


def as_json(findings: Sequence[Finding], unchanged: Finding) -> str:
    """For programs."""
    return json.dumps(
        {
            "caught": sum(each.caught for each in findings),
            "findings": [{**asdict(each), "caught": each.caught} for each in findings],
            "unchanged": asdict(unchanged) if unchanged.invariant else None,
        }
    )


__all__ = ["as_json", "line", "lines"]
