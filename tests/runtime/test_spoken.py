"""Spoken text through the whole server: what the sanitizer takes out reaches neither client nor history."""

import pytest

from tests.e2e.client import kinds_of, text_of
from tests.runtime.serving import Serving, says

THOUGHT = ("<thi", "nk>", "my secret", " plan</", "think>", "\n\nHello", " **there**", " 🙂")


async def test_reasoning_reaches_neither_the_client_nor_the_next_prompt(serving: Serving) -> None:
    async with serving(says(*THOUGHT)) as place, place.connected() as client:
        await client.start()
        frames = await client.rest()
        assert text_of(frames) == "Hello there"
        assert "secret" not in repr(client.seen)
        await client.message("r-2")
        await client.rest()
        assert "Hello there" in place.prompt()
        assert "secret" not in place.prompt()


async def test_a_reply_that_is_all_reasoning_or_emoji_ends_as_empty_and_the_session_goes_on(serving: Serving) -> None:
    async with serving(says("<think>", "never ends", "😂😂😂")) as place, place.connected() as client:
        await client.start()
        frames = await client.rest()
        assert kinds_of(frames) == ["ack", "error"]
        assert frames[-1]["payload"]["details"]["reason_code"] == "empty_model_output"
        await client.message("r-2")
        assert (await client.rest())[-1]["request_id"] == "r-2"
        assert "never ends" not in place.prompt()


@pytest.mark.parametrize(
    ("family", "kept"),
    [("SANITIZE_EMOJI", "🙂"), ("SANITIZE_MARKDOWN", "**there**")],
    ids=["emoji", "markdown"],
)
async def test_a_family_that_is_switched_off_is_left_alone(serving: Serving, family: str, kept: str) -> None:
    async with serving(says(*THOUGHT), **{family: "0"}) as place, place.connected() as client:
        await client.start()
        assert kept in text_of(await client.rest())
