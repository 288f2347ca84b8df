"""What a server kept of the talk it was handed, and what its model remembers of that."""

import enum
from collections.abc import Mapping, Sequence

from attrs import frozen

from tooling.clients.data.expected import says_any
from tooling.clients.data.warm_history import Recall
from tooling.clients.session.exchange import Exchange


class Mark(enum.Enum):
    """What became of a question. `TRIMMED`: its fact lies before what the server kept."""

    FOUND = "found"
    MISSED = "missed"
    TRIMMED = "trimmed"


@frozen(kw_only=True)
class Kept:
    """What the server's first ack says of the history: messages and turns that came, turns and tokens that stayed."""

    messages: int
    turns: int
    retained: int
    trimmed: bool
    tokens: int

    def lines(self) -> list[str]:
        """For people."""
        return [
            f"history in: {self.messages} msgs → {self.turns} turns",
            f"history kept: {self.retained} turns, {self.tokens} tokens ({'trimmed' if self.trimmed else 'retained'})",
        ]


def kept_history(ack: Mapping[str, object] | None) -> Kept | None:
    """Of the payload of the first turn's ack; None if the server does not say, or not in whole numbers."""
    told = (ack or {}).get("history")
    if not isinstance(told, dict):
        return None
    numbers = [told.get(key) for key in ("input_messages", "input_turns", "retained_turns", "history_tokens")]
    if not all(isinstance(number, int) and not isinstance(number, bool) for number in numbers):
        return None
    messages, turns, retained, tokens = (int(number or 0) for number in numbers)
    return Kept(messages=messages, turns=turns, retained=retained, trimmed=bool(told.get("trimmed")), tokens=tokens)


def marked(question: Recall, turn: Exchange, kept: Kept | None) -> Mark:
    """Whether a reply says the fact. The talk alternates, so two messages are a turn; the newest are kept."""
    if kept is not None and question.message_index // 2 < kept.turns - kept.retained:
        return Mark.TRIMMED
    return Mark.FOUND if says_any(turn.meter.text(), question.expect_any) else Mark.MISSED


def marks(questions: Sequence[Recall], turns: Sequence[Exchange]) -> list[Mark]:
    """Of one connection, in order; a question whose turn did not end well has none."""
    kept = kept_history(turns[0].ack) if turns else None
    return [
        marked(question, turn, kept)
        for question, turn in zip(questions, turns, strict=False)
        if turn.outcome == "done" and not turn.tool_only
    ]


__all__ = ["Kept", "Mark", "kept_history", "marked", "marks"]
