"""How one case was judged."""

from attrs import frozen

GOOD = ("OK", "INFORMATIONAL")
LOOSE = "NON-STRICT"


@frozen
class Verdict:
    """What it says of our answers and of our close in one case. `compressed`: whether we took compression."""

    case: str
    compressed: bool
    behaviour: str
    close: str
    milliseconds: int

    @property
    def family(self) -> int:
        """The first number of the case."""
        return int(self.case.partition(".")[0])

    @property
    def kind(self) -> str:
        """OK, INFORMATIONAL (nothing is right or wrong there), NON-STRICT, or FAILED for every other word."""
        words = {self.behaviour, self.close}
        if words <= set(GOOD):
            return "OK" if words == {"OK"} else "INFORMATIONAL"
        return LOOSE if words <= {*GOOD, LOOSE} else "FAILED"

    @property
    def passed(self) -> bool:
        """Not failed and strict."""
        return self.kind in GOOD


__all__ = ["GOOD", "LOOSE", "Verdict"]
