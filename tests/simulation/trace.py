"""What happened in a run, one readable line each; equal runs have equal digests."""

import hashlib
import json

import trio
from attrs import define, field

from tests.simulation.plan import Payload

UNTOLD = ("message", "details", "timings", "chat_prompt")


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


def short(payload: Payload) -> str:
    """A payload as far as it is told."""
    shown = {key: value for key, value in payload.items() if key not in UNTOLD}
    details = payload.get("details")
    if isinstance(details, dict):
        shown["reason_code"] = details["reason_code"]
    text = json.dumps(shown, ensure_ascii=True)
    return text if len(text) <= 160 else f"{text[:150]}... ({len(text)})"


__all__ = ["Trace", "short"]
