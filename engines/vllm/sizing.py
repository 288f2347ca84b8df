"""How many requests vLLM runs at once on a given memory share; the table of the settings page in one function."""

from attrs import frozen


@frozen(kw_only=True)
class Sizing:
    """The formula's numbers: settings `MAX_NUM_SEQS_*`. Thresholds are GiB, ascending, with one base for each."""

    baseline: int = 96
    memory_hungry_baseline: int = 64
    floor: int = 32
    ceiling: int = 128
    thresholds_gib: tuple[float, float, float] = (36, 48, 72)
    tier_baselines: tuple[int, int, int] = (48, 56, 72)
    ratio_min: float = 0.4
    ratio_max: float = 0.95
    ratio_divisor: float = 0.85


def max_num_seqs(
    fraction: float, total_gib: float | None, *, memory_hungry: bool = False, sizing: Sizing | None = None
) -> int:
    """Running requests for a share `fraction` of a GPU of `total_gib` (None: unknown, or no GPU).

    clamp(int(base x clamp(fraction, min, max) / divisor), floor, ceiling), the base lowered by a memory-hungry model
    and by the tier of the smallest GPU.
    """
    numbers = sizing or Sizing()
    base = min(numbers.baseline, numbers.memory_hungry_baseline) if memory_hungry else numbers.baseline
    if total_gib is not None:
        for threshold, tier in zip(numbers.thresholds_gib, numbers.tier_baselines, strict=True):
            if total_gib < threshold:
                base = min(base, tier)
                break
    ratio = min(max(fraction, numbers.ratio_min), numbers.ratio_max) / numbers.ratio_divisor
    # Rounded before it is cut: 96 x 0.85 / 0.85 must not become 95 by a float's last bit.
    return min(max(int(round(base * ratio, 9)), numbers.floor), numbers.ceiling)


__all__ = ["Sizing", "max_num_seqs"]
