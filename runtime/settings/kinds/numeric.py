"""Numbers and yes-or-no. Bounds are inclusive; `above` alone excludes itself."""

import math
import re

from attrs import frozen

from runtime.settings.kinds.base import Kind, Refused, did_you_mean

DIGITS = re.compile(r"[0-9]+")
SIGNED_DIGITS = re.compile(r"[+-]?[0-9]+")
DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
# Counts of bytes, tokens and the like: what does not fit 64 bits is a typing error, and breaks libraries further down.
LARGEST_INT = 2**63 - 1
LONGEST_INT = len(str(LARGEST_INT))
YES = ("1", "true", "yes", "on")
NO = ("0", "false", "no", "off")


def plain(number: float) -> str:
    """A number without a needless fraction: `150`, `0.5`."""
    return str(int(number)) if number == int(number) and abs(number) < LARGEST_INT else repr(number)


@frozen(eq=False)
class Int(Kind[int]):
    """A whole number in decimal digits; a sign only where negative values are allowed."""

    low: int
    high: int | None = None

    def parse(self, text: str) -> int:
        shape = SIGNED_DIGITS if self.low < 0 else DIGITS
        if not shape.fullmatch(text):
            raise Refused(f"is not an {self.describe()}")
        digits = text.lstrip("+-").lstrip("0")
        value = int(text) if len(digits) <= LONGEST_INT else LARGEST_INT + 1
        if value > LARGEST_INT and self.high is None:
            raise Refused(f"is too large, allowed is {self.describe()} up to {LARGEST_INT}")
        if value < self.low or (self.high is not None and value > self.high):
            raise Refused(f"is not an {self.describe()}")
        return value

    def describe(self) -> str:
        return f"int >= {self.low}" if self.high is None else f"int {self.low}..{self.high}"


@frozen(kw_only=True, eq=False)
class Float(Kind[float]):
    """A finite number. `unit` only describes it."""

    low: float | None = None
    above: float | None = None
    high: float | None = None
    unit: str = ""

    def parse(self, text: str) -> float:
        value = float(text) if DECIMAL.fullmatch(text) else math.nan
        if not math.isfinite(value) or not self._holds(value):
            raise Refused(f"is not a {self.describe()}")
        return value + 0.0  # -0.0 becomes 0.0

    def _holds(self, value: float) -> bool:
        return (
            (self.low is None or value >= self.low)
            and (self.above is None or value > self.above)
            and (self.high is None or value <= self.high)
        )

    def describe(self) -> str:
        return f"float{self._range()}{f' ({self.unit})' if self.unit else ''}"

    def _range(self) -> str:
        if self.low is not None and self.high is not None:
            return f" {plain(self.low)}..{plain(self.high)}"
        bounds = [
            f"{sign} {plain(bound)}"
            for sign, bound in ((">=", self.low), (">", self.above), ("<=", self.high))
            if bound is not None
        ]
        return f" {', '.join(bounds)}" if bounds else ""

    def show(self, value: float) -> str:
        return plain(value)


@frozen(eq=False)
class Flag(Kind[bool]):
    """Yes or no, any case."""

    def parse(self, text: str) -> bool:
        word = text.lower()
        if word in YES:
            return True
        if word in NO:
            return False
        allowed = (*YES, *NO)
        raise Refused(f"is not one of {', '.join(allowed)}{did_you_mean(word, allowed, quote=chr(39))}")

    def describe(self) -> str:
        return "flag"

    def show(self, value: bool) -> str:
        return "1" if value else "0"


@frozen(eq=False)
class OnlyOn(Flag):
    """A flag whose off position is gone; `why` says so."""

    why: str

    def parse(self, text: str) -> bool:
        if not super().parse(text):
            raise Refused(f"is not possible, {self.why}")
        return True

    def describe(self) -> str:
        return "flag, 1 only"


@frozen(eq=False)
class CloseCode(Kind[int]):
    """A WebSocket close code that an application may send: RFC 6455 section 7.4, less the ones that mean faults."""

    def parse(self, text: str) -> int:
        code = int(text) if DIGITS.fullmatch(text) and len(text) <= LONGEST_INT else -1
        if code not in (1000, 1008, 1013) and not 3000 <= code <= 4999:
            raise Refused("is not a close code: 1000, 1008, 1013 or 3000..4999")
        return code

    def describe(self) -> str:
        return "int, close code"


__all__ = ["CloseCode", "Flag", "Float", "Int", "OnlyOn", "plain"]
