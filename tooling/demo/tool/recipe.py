"""The numbers of the demo tool model: everything that decides its weights, apart from the texts it learns."""

from attrs import asdict, frozen

BUILDER_VERSION = 2
LABELS = ("no", "yes")
THRESHOLD = 0.66  # the server's default: a yes needs this much


@frozen(kw_only=True)
class Recipe:
    """Shapes and schedule. All widths are multiples of 128.

    `steps` of `batch` conversations each; every `long_every`-th step has `long_batch` conversations that fill
    `positions`. `forgotten`: share of the tokens that are hidden in training, so that no single word decides;
    `swapped`: share of those in whose place any others are put, so that unknown words do not decide.
    `averaged`: share of the steps, at the end, whose weights are averaged.
    """

    seed: int = 20
    vocabulary: int = 6400
    hidden: int = 128
    intermediate: int = 256
    layers: int = 1
    heads: int = 2
    positions: int = 512
    steps: int = 1600
    batch: int = 64
    long_every: int = 40
    long_batch: int = 8
    rate: float = 0.001
    warmup_steps: int = 30
    weight_decay: float = 0.05
    dropout: float = 0.1
    forgotten: float = 0.15
    swapped: float = 0.1
    smoothing: float = 0.05
    averaged: float = 0.5

    def facts(self) -> dict[str, object]:
        """Return the numbers as plain data."""
        return asdict(self)


__all__ = ["BUILDER_VERSION", "LABELS", "THRESHOLD", "Recipe"]
