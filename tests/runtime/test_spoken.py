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


async def test_a_session_speaks_the_language_of_its_first_start_and_keeps_the_tags_it_names(serving: Serving) -> None:
    said = ("Il fait 28°", "C <bre", 'ak time="1s"/> et 5 ', "km/h, [ici](u) <b>ok</b>")
    wanted = 'Il fait 28°C <break time="1s"/> et 5 km/h, ici ok'
    speech = {"language": "fr", "keep_tags": ["break"]}
    async with serving(says(*said)) as place, place.connected() as client:
        await client.start(speech=speech)
        assert text_of(await client.rest()) == wanted
        await client.message("r-2", speech={"language": "en"})
        assert text_of(await client.rest()) == wanted
        await client.start("r-3", speech=7)
        assert text_of(await client.rest()) == wanted


async def test_a_leaked_tool_call_reaches_neither_the_client_nor_the_next_prompt(serving: Serving) -> None:
    async with (
        serving(says("Sure. ", "[TOOL", '_CALLS]get{"a": "my ', 'secret]"}')) as place,
        place.connected() as client,
    ):
        await client.start()
        assert text_of(await client.rest()) == "Sure."
        await client.message("r-2")
        await client.rest()
        assert "secret" not in repr(client.seen)
        assert "secret" not in place.prompt()
