"""What a run says: a table by family of cases, the cases that were not OK; or one JSON object."""

import json
from collections.abc import Iterator, Sequence

from attrs import asdict

from tests.conformance.verdict import Verdict
from tooling.benchmarks.figures import table

SUBJECTS = {
    1: "framing",
    2: "pings and pongs",
    3: "reserved bits",
    4: "opcodes",
    5: "fragmentation",
    6: "UTF-8",
    7: "close handshake",
    9: "limits, performance",
    10: "miscellaneous",
    12: "compression",
    13: "compression, other parameters",
}
"""Of the suite's families; it has no 8 and no 11."""


def lines(verdicts: Sequence[Verdict], seconds: float) -> Iterator[str]:
    """For people."""
    yield from table([_row(verdicts, *key) for key in sorted({(one.family, one.compressed) for one in verdicts})])
    yield ""
    for one in verdicts:
        if not one.passed:
            compressed = "with" if one.compressed else "without"
            yield f"{one.case}, {compressed} compression: {one.kind} (answers {one.behaviour}, close {one.close})"
    counts = _counts(verdicts)
    yield f"{len(verdicts)} cases in {seconds:.0f} s: {counts['failed']} failed, {counts['non_strict']} not strict"


def as_json(verdicts: Sequence[Verdict], seconds: float) -> str:
    """For programs."""
    cases = [{**asdict(one), "kind": one.kind} for one in verdicts]
    return json.dumps({"seconds": round(seconds, 1), **_counts(verdicts), "cases": cases})


def _row(verdicts: Sequence[Verdict], family: int, compressed: bool) -> dict[str, object]:
    mine = [one for one in verdicts if one.family == family and one.compressed is compressed]
    counts = _counts(mine)
    return {
        "family": f"{family} {SUBJECTS.get(family, '')}".strip(),
        "compression": "on" if compressed else "off",
        "cases": len(mine),
        "OK": counts["ok"],
        "informational": counts["informational"],
        "not strict": counts["non_strict"],
        "failed": counts["failed"],
        "seconds": sum(one.milliseconds for one in mine) / 1000,
    }


def _counts(verdicts: Sequence[Verdict]) -> dict[str, int]:
    kinds = [one.kind for one in verdicts]
    names = {"ok": "OK", "informational": "INFORMATIONAL", "non_strict": "NON-STRICT", "failed": "FAILED"}
    return {name: kinds.count(kind) for name, kind in names.items()}


__all__ = ["as_json", "lines"]
