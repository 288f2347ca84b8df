"""What the limits on characters let through fits into a frame, in any script and however it is escaped."""

import json
from typing import Any

import pytest

from tests.runtime.serving import Serving, says

SCRIPTS = {"Latin": "word ", "Cyrillic": "слово ", "Chinese": "中文字符", "emoji": "😀"}


def _start(history: list[dict[str, Any]], *, escaped: bool) -> str:
    payload = {"chat_prompt": "Be kind.", "user_utterance": "hi", "history": history}
    message = {"type": "start", "session_id": "s-1", "request_id": "r-1", "payload": payload}
    return json.dumps(message, ensure_ascii=escaped)


@pytest.mark.parametrize("escaped", [False, True], ids=["as it is", "escaped"])
@pytest.mark.parametrize("script", list(SCRIPTS))
async def test_ninety_thousand_characters_of_history_start_a_session(
    serving: Serving, script: str, escaped: bool
) -> None:
    unit = SCRIPTS[script]
    content = unit * (90_000 // 90 // len(unit))
    roles = ("user", "assistant")
    history = [{"role": roles[number % 2], "content": content} for number in range(90)]
    async with serving(says("Yes.")) as place, place.connected() as client:
        await client.raw(_start(history, escaped=escaped))
        ack = await client.expect("ack", "r-1")
        assert ack["payload"]["history"]["input_messages"] == 90
        assert (await client.rest())[-1]["type"] == "done"


async def test_the_longest_utterance_is_cut_and_answered_in_any_script(serving: Serving) -> None:
    async with serving(says("Yes.")) as place, place.connected() as client:
        await client.start()
        await client.rest()
        for number, unit in enumerate(SCRIPTS.values()):
            await client.message(f"m-{number}", unit * (100_000 // len(unit)))
            assert (await client.rest())[-1]["type"] == "done"


async def test_messages_without_text_are_skipped_and_the_call_starts(serving: Serving) -> None:
    history: list[dict[str, Any]] = [
        {"role": "user", "content": ["what is", {"type": "text", "text": "the weather?"}]},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "type": "function"}]},
        {"role": "tool", "tool_call_id": "c", "content": "rain"},
        {"role": "assistant"},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
    ]
    async with serving(says("Yes.")) as place, place.connected() as client:
        await client.start("r-1", "hi", history=history)
        told = (await client.expect("ack", "r-1"))["payload"]["history"]
        assert (told["input_messages"], told["input_turns"], told["retained_turns"]) == (6, 1, 1)
        await client.rest()
        assert "what is\nthe weather?" in place.prompt()
        assert "rain" not in place.prompt()
