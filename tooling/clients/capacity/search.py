"""Which number of callers to try next. Pure."""

from attrs import define


@define
class Search:
    """Doubles from `smallest` until a number does not fit, then halves the gap down to `resolution` of the number.

    `best`: the largest that fitted so far, 0 before one did. `limit`: never more than this.
    """

    smallest: int
    limit: int
    resolution: float = 0.05
    best: int = 0
    too_many: int | None = None

    def following(self) -> int | None:
        """The next number to try; None once the largest is known well enough."""
        if self.too_many is None:
            if self.best >= self.limit:
                return None
            return min(max(2 * self.best, self.smallest), self.limit)
        gap = self.too_many - self.best
        if gap <= max(1, round(self.resolution * self.best)):
            return None
        return self.best + gap // 2

    def tried(self, callers: int, *, fits: bool) -> None:
        """How it went."""
        if fits:
            self.best = max(self.best, callers)
        else:
            self.too_many = min(callers, self.too_many or callers)


__all__ = ["Search"]
