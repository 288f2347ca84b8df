"""What a run says of itself beside its tables: the load in words, cached tokens, its own numbers in the document."""

from collections.abc import Iterator, Sequence

from tooling.clients.bench.arrivals import BURSTS, CLOSED
from tooling.clients.bench.plan import Plan
from tooling.clients.bench.report import Outcome, Row
from tooling.clients.load.health import Health
from tooling.clients.output.intervals import CONFIDENCE, RESAMPLES


def load_line(plan: Plan) -> str:
    """The load in one line."""
    return ", ".join(_load(plan))


def _load(plan: Plan) -> Iterator[str]:
    arrivals = plan.arrivals
    yield f"requests: {plan.requests}" if plan.requests is not None else f"requests: those of {plan.duration_s:g} s"
    if arrivals.kind == CLOSED:
        yield f"{plan.concurrency} at a time"
    elif arrivals.kind == BURSTS:
        yield f"bursts of {arrivals.burst_size} every {arrivals.window_s:g} s"
    else:
        yield f"{arrivals.rate:g} a second ({arrivals.kind})"
    if arrivals.ramp_s:
        yield f"ramp {arrivals.ramp_s:g} s"
    if len(plan.payloads) > 1:
        low, high = plan.think_s
        pause = f" {low:g} s" if low == high else f" {low:g} to {high:g} s"
        yield f"{len(plan.payloads)} turns each" + (f" after pauses of{pause}" if high else "")
    if plan.barge_in:
        yield f"{plan.barge_in:.0%} of the replies interrupted"
    yield f"{'cold' if plan.cold else 'warm'} prefix"
    yield f"seed {plan.seed}"


def cached_line(outcome: Outcome) -> list[str]:
    """Of how many prompt tokens the prefix cache knew, as lines."""
    parts = [
        f"{told['cached_tokens']} of {told['prompt_tokens']} ({told['cached_tokens'] / told['prompt_tokens']:.0%}) in "
        f"{key} turns"
        for key, told in outcome.cached().items()
        if told and told["prompt_tokens"]
    ]
    return [f"cached prompt tokens: {', '.join(parts)}"] if parts else []


def summary_of(outcome: Outcome, rows: Sequence[Row], healths: Sequence[Health], busy: str | None) -> dict[str, object]:
    """The run's own numbers, for the document: sections by key, then what concerns the whole run."""
    told: dict[str, object] = {}
    for section in outcome.sections:
        told[section.key] = {row.name: row.told() for row in rows if row.section == section.key}
    told |= {name: round(rate, 3) for name, rate in outcome.rates().items()}
    return told | {
        "output_tokens": outcome.completion_tokens(),
        "errors": outcome.errors(),
        "connections": {"over": len(outcome.over()), "ok": outcome.passed()},
        "interrupted": outcome.interrupted(),
        "cached": outcome.cached(),
        "intervals": {"confidence": CONFIDENCE, "method": "percentile bootstrap by connection", "resamples": RESAMPLES},
        "client": {
            "processes": [health.told() for health in healths],
            "bottleneck": busy,
        },
    }


__all__ = ["cached_line", "load_line", "summary_of"]
