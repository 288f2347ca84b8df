"""The conversations that every contender holds, and what is measured of each turn."""

from collections.abc import Sequence

from attrs import asdict, field, frozen

from tooling.clients.output.percentiles import percentile

SYSTEM = (
    "You are a warm companion on a phone call. You answer in plain spoken sentences, you remember what was said "
    "earlier in this call, and you never use lists or markup. Ask something back now and then. "
) * 4
TURNS = (
    "Hello! I have just come home from a very long day at work and I would like to talk a little.",
    "Well, we had visitors, the printer broke twice, and then it rained all the way home. Can you cheer me up?",
    "That was nice. Now tell me a longer story about a boat, a storm and a lighthouse, in as much detail as you can.",
)


@frozen(kw_only=True)
class Job:
    """One load: `sessions` conversations of len(TURNS) turns, starts spread over `spread_s` seconds.

    `barge_in`: share of turns that are interrupted after `barge_after` token frames (ours only). `rounds`: how many
    conversations each session holds, one after the other (ours only).
    """

    model: str
    sessions: int
    max_out: int = 128
    max_len: int = 5025
    spread_s: float = 3.0
    barge_in: float = 0.0
    barge_after: int = 8
    rounds: int = 1


@frozen(kw_only=True)
class Turn:
    """One turn, times in milliseconds. `gaps_ms`: between consecutive token frames (ITL)."""

    ttft_ms: float
    gaps_ms: tuple[float, ...]
    tokens: int
    cached_tokens: int | None = None
    prompt_tokens: int = 0


@frozen(kw_only=True)
class Outcome:
    """What a contender did with a job. `wall_s`: first start to last end. CPU seconds: `cpu_s` of its front process,
    `client_cpu_s` of the load generator, where that is a process of its own.
    """

    contender: str
    sessions: int
    turns: tuple[Turn, ...] = field(repr=False)
    wall_s: float
    cpu_s: float | None = None
    client_cpu_s: float | None = None
    errors: int = 0


def row(outcome: Outcome) -> dict[str, float | int | str | None]:
    """The figures of one outcome: TTFT, ITL in ms; tokens/s; front CPU in us a token; prefix-cache hits 0 to 1."""
    ttft = sorted(turn.ttft_ms for turn in outcome.turns)
    gaps = sorted(gap for turn in outcome.turns for gap in turn.gaps_ms)
    tokens = sum(turn.tokens for turn in outcome.turns)
    return {
        "contender": outcome.contender,
        "sessions": outcome.sessions,
        "turns": len(outcome.turns),
        "ttft_p50_ms": _at(ttft, 0.5),
        "ttft_p99_ms": _at(ttft, 0.99),
        "itl_p50_ms": _at(gaps, 0.5),
        "itl_p99_ms": _at(gaps, 0.99),
        "tokens_per_s": round(tokens / outcome.wall_s, 1),
        "front_cpu_us_per_token": _per_token(outcome.cpu_s, tokens),
        "client_cpu_us_per_token": _per_token(outcome.client_cpu_s, tokens),
        "prefix_hits": _prefix_hits(outcome.turns),
        "errors": outcome.errors,
    }


def _per_token(cpu_s: float | None, tokens: int) -> float | None:
    return None if cpu_s is None else round(cpu_s / max(1, tokens) * 1e6, 1)


def _prefix_hits(turns: Sequence[Turn]) -> float | None:
    """The share of prompt tokens that the prefix cache had, over the turns that say so."""
    told = [turn for turn in turns if turn.cached_tokens is not None and turn.prompt_tokens]
    prompt = sum(turn.prompt_tokens for turn in told)
    return round(sum(turn.cached_tokens or 0 for turn in told) / prompt, 3) if prompt else None


def _at(ordered: Sequence[float], q: float) -> float | None:
    return round(percentile(ordered, q), 2) if ordered else None


def as_json(outcome: Outcome) -> dict[str, object]:
    """The outcome as plain data, for a pipe between processes."""
    return asdict(outcome)


def from_json(data: dict[str, object]) -> Outcome:
    """The outcome that `as_json` gave."""
    turns = data.pop("turns")
    assert isinstance(turns, list)
    made = tuple(Turn(**{**turn, "gaps_ms": tuple(turn["gaps_ms"])}) for turn in turns)
    return Outcome(turns=made, **data)  # type: ignore[arg-type]


__all__ = ["SYSTEM", "TURNS", "Job", "Outcome", "Turn", "as_json", "from_json", "row"]
