"""What the status bar says: where the conversation stands, and how quick the last reply was."""

import enum

from attrs import frozen


class State(enum.Enum):
    """Where the conversation stands, as far as a client can know. The value: a sign of its own for each, and a word."""

    OFFLINE = "\u2715 offline"
    CONNECTING = "\u25cc connecting"
    IDLE = "\u25cb idle"
    WAITING = "\u25d4 waiting"
    ROUTING = "\u25d1 routing"
    STREAMING = "\u25cf streaming"
    CANCELLING = "\u25cd cancelling"


@frozen(kw_only=True)
class Status:
    """`ttft_ms`, `tokens_per_s`: of the running reply, or of the last one; None until there is one."""

    state: State = State.CONNECTING
    persona: str = ""
    ttft_ms: float | None = None
    tokens_per_s: float | None = None
    turns: int = 0

    def line(self) -> str:
        """One line, the most important first: a narrow terminal shows its beginning."""
        parts = [self.state.value]
        if self.persona:
            parts.append(self.persona)
        if self.ttft_ms is not None:
            parts.append(f"ttft {self.ttft_ms:.0f} ms")
        if self.tokens_per_s is not None:
            parts.append(f"{self.tokens_per_s:.0f} tokens/s")
        if self.turns:
            parts.append(f"{self.turns} turn{'s' if self.turns != 1 else ''}")
        return " · ".join(parts)


__all__ = ["State", "Status"]
