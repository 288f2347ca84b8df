"""One load: so many callers for so long, and what it amounts to beside the bounds."""

import math
from collections.abc import Sequence

from attrs import asdict, frozen

from tooling.clients.capacity.caller import Turn

NEVER = float("inf")


@frozen(kw_only=True)
class Bounds:
    """What a caller may be made to bear. A share of the turns, `tail`, may miss each of the first two."""

    ttft_ms: float = 300.0
    sentence_ms: float = 600.0
    dry: float = 0.01
    tail: float = 0.01


@frozen(kw_only=True)
class Level:
    """The figures of one load. A turn that got nothing counts as infinitely late; ms, None without a single turn.

    `bottleneck`: why these figures say more about the client than about the server, if they do.
    """

    callers: int
    window_s: float
    turns: int
    interrupted: int
    failed: int
    ttft_p50_ms: float | None
    ttft_p99_ms: float | None
    sentence_p50_ms: float | None
    sentence_p99_ms: float | None
    dry: float
    bottleneck: str | None = None
    errors: tuple[str, ...] = ()

    def broken(self, bounds: Bounds) -> tuple[str, ...]:
        """The bounds that do not hold, in words; empty if the callers fit."""
        if not self.turns:
            return ("no turn was sent",)
        late = (
            ("TTFT p99", self.ttft_p99_ms, bounds.ttft_ms),
            ("first sentence p99", self.sentence_p99_ms, bounds.sentence_ms),
        )
        words = [f"{name} {_ms(value)} (bound {bound:g} ms)" for name, value, bound in late if (value or 0) > bound]
        if self.dry > bounds.dry:
            words.append(f"{self.dry:.1%} ran dry, over {bounds.dry:.1%}")
        if self.failed > bounds.tail * self.turns:
            words.append(f"{self.failed} of {self.turns} turns failed: {self.errors[0]}")
        return tuple(words)

    def as_json(self) -> dict[str, object]:
        """For the document; what was infinitely late is null."""
        return {
            name: (None if value == NEVER else round(value, 4) if isinstance(value, float) else value)
            for name, value in asdict(self).items()
        }


def level(callers: int, window: tuple[float, float], turns: Sequence[Turn], bottleneck: str | None = None) -> Level:
    """What the turns that were sent within the window (seconds from the start) amount to."""
    begin, end = window
    counted = [turn for turn in turns if begin <= turn.at < end]
    ttft = sorted(NEVER if turn.ttft_ms is None or turn.error else turn.ttft_ms for turn in counted)
    sentence = sorted(NEVER if turn.sentence_ms is None or turn.error else turn.sentence_ms for turn in counted)
    return Level(
        callers=callers,
        window_s=end - begin,
        turns=len(counted),
        interrupted=sum(turn.interrupted for turn in counted),
        failed=sum(bool(turn.error) for turn in counted),
        ttft_p50_ms=_quantile(ttft, 0.5),
        ttft_p99_ms=_quantile(ttft, 0.99),
        sentence_p50_ms=_quantile(sentence, 0.5),
        sentence_p99_ms=_quantile(sentence, 0.99),
        dry=sum(turn.ran_dry for turn in counted) / len(counted) if counted else 0.0,
        bottleneck=bottleneck,
        errors=tuple(sorted({turn.error for turn in counted if turn.error}))[:5],
    )


def _quantile(ordered: Sequence[float], q: float) -> float | None:
    """By interpolation, as everywhere; but between something and what never came nothing can be interpolated."""
    if not ordered:
        return None
    place = q * (len(ordered) - 1)
    below, above = ordered[math.floor(place)], ordered[math.ceil(place)]
    return above if NEVER in (below, above) else below + (above - below) * (place % 1)


def _ms(value: float | None) -> str:
    return "never came" if value is None or value == NEVER else f"{value:.0f} ms"


__all__ = ["NEVER", "Bounds", "Level", "level"]
