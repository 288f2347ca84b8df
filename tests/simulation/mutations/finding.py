"""What became of one mutation."""

from attrs import frozen


@frozen(kw_only=True)
class Finding:
    """`seeds`: how many were run; `seed`: the last one, which broke `invariant` in these words (`detail`), if any did.

    `stale`: why the patch does not apply, "" if it does.
    """

    mutation: str
    file: str
    sentence: str = ""
    invariant: str = ""
    detail: str = ""
    seeds: int = 0
    seed: int = -1
    seconds: float = 0.0
    stale: str = ""

    @property
    def caught(self) -> bool:
        """The simulator saw it."""
        return bool(self.invariant)

    @property
    def verdict(self) -> str:
        """The invariant that caught it, or what else became of it."""
        return self.invariant or ("STALE" if self.stale else "SURVIVED")


__all__ = ["Finding"]
