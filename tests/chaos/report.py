"""What a run says in the end: a row a scenario, and below it what was seen."""

import json
from collections.abc import Iterator, Sequence

from tests.chaos.attempt import Outcome
from tests.chaos.footing import ROUND_MAY_KEEP, SERVER_MAY_GROW_MIB

HEAD = (
    "scenario",
    "told s",
    "recovered s",
    "clean s",
    "server MiB",
    "MiB a round",
    "blocks a round",
    "descriptors",
    "verdict",
)
LEGEND = (
    "seconds from the fault (from its end where it is taken back), worst of all rounds: until everybody whom it "
    "concerned was told; until a new client's turn brought text; until the engine's own count was 0, descriptors, "
    "processes and memory were back, and the metrics added up. Memory may grow by "
    f"{SERVER_MAY_GROW_MIB:g} MiB; where there are rounds, each but the first may leave {ROUND_MAY_KEEP:g} blocks more "
    "allocated, after a collection."
)


def lines(outcomes: Sequence[Outcome], *, colours: bool = False) -> Iterator[str]:
    """The table, Markdown, and what is to be read below it."""
    yield f"| {' | '.join(HEAD)} |"
    yield "| --- " * len(HEAD) + "|"
    for outcome in outcomes:
        yield f"| {' | '.join(_cells(outcome, colours))} |"
    yield ""
    for outcome in outcomes:
        for note in outcome.notes:
            yield f"{outcome.name}: {note}"
        for problem in outcome.problems:
            yield f"{outcome.name}: FAILED: {problem}"
    yield ""
    yield LEGEND


def document(outcomes: Sequence[Outcome], seconds: float, engine: str) -> str:
    """One JSON document."""
    told = {
        "schema": "yap-chaos/1",
        "passed": all(outcome.passed for outcome in outcomes),
        "engine": engine,
        "seconds": round(seconds, 1),
        "scenarios": [outcome.as_json() for outcome in outcomes],
    }
    return json.dumps(told, indent=1)


def _cells(outcome: Outcome, colours: bool) -> Iterator[str]:
    yield outcome.name
    for seconds in (outcome.told, outcome.recovered, outcome.clean):
        yield "-" if seconds is None else f"{seconds:.2f}"
    before, after = outcome.before, outcome.after
    yield "-" if before is None or after is None else f"{before.server_mib:.0f} to {after.server_mib:.0f}"
    yield f"{outcome.slope_mib:+.1f}" if outcome.rounds > 1 else "-"
    yield f"{outcome.slope_blocks:+.0f}" if outcome.rounds > 1 else "-"
    yield "-" if before is None or after is None else f"{before.descriptors} to {after.descriptors}"
    verdict = "ok" if outcome.passed else "FAILED"
    yield f"\x1b[{32 if outcome.passed else 31}m{verdict}\x1b[0m" if colours else verdict


__all__ = ["document", "lines"]
