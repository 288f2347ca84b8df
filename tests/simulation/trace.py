"""What happened in a run, one readable line each; equal runs have equal digests."""

import hashlib

import trio
from attrs import define, field


@define(eq=False)
class Trace:
    """`lines`: the time in virtual seconds, who, and what."""

    lines: list[str] = field(factory=list)

    def note(self, who: str, what: str) -> None:
        """Something happened now."""
        self.lines.append(f"{trio.current_time():10.4f}  {who:<9} {what}")

    @property
    def digest(self) -> str:
        """Of all lines."""
        return hashlib.sha256("\n".join(self.lines).encode()).hexdigest()


__all__ = ["Trace"]
