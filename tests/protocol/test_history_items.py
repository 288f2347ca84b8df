"""A history's items of other APIs: what is no message is skipped, what is nothing known is refused."""

import pytest

from protocol.errors import PeerProtocolError
from protocol.limits import TurnLimits
from protocol.turns import HistoryItem, parse_first_start

ITEMS = [
    {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c", "output": "a cat"},
    {"type": "reasoning", "summary": [], "content": None},
    {"type": "agent_handoff", "role": None, "content": {"to": "sales"}},
]


def _history(*items: object) -> tuple[HistoryItem, ...] | None:
    return parse_first_start(
        {"user_utterance": "hi", "chat_prompt": "be kind", "history": list(items)}, TurnLimits()
    ).history


def test_calls_their_outputs_and_thoughts_between_messages_are_skipped() -> None:
    said = {"type": "message", "role": "user", "content": "hello"}
    found = _history(said, *ITEMS)
    assert found is not None
    assert found[0] == HistoryItem("user", "hello")
    assert found[1:] == (HistoryItem("tool", ""),) * len(ITEMS)


@pytest.mark.parametrize("item", [{"type": "message", "content": "x"}, {"type": 1}, {"type": None, "content": "x"}])
def test_a_message_without_a_role_is_refused(item: dict[str, object]) -> None:
    with pytest.raises(PeerProtocolError, match="role of message 0"):
        _history(item)
