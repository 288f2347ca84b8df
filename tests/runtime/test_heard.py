"""What the user heard of a reply: protocol, section 8."""

import pytest
import trio

from engines.scripted import Script
from tests.e2e.client import Client, Frame, text_of
from tests.runtime.serving import Serving, says, talks


async def _talking(client: Client, request_id: str = "r-1") -> list[Frame]:
    """Start a turn and read until it streams."""
    if request_id == "r-1":
        await client.start("r-1", "remember green")
    else:
        await client.message(request_id)
    return await client.until("token")


REPLY = ["One", " two", " three", " four", "."]
TEXT = "".join(REPLY)


@pytest.mark.parametrize(("chars", "kept"), [(3, "One"), (4, "One"), (7, "One two"), (99, TEXT), (len(TEXT), TEXT)])
async def test_a_message_says_how_much_of_the_last_reply_was_heard(serving: Serving, chars: int, kept: str) -> None:
    async with serving(says(*REPLY)) as place, place.connected() as client:
        await client.start()
        assert text_of(await client.rest()) == TEXT
        await client.message("r-2", "go on", played={"request_id": "r-1", "chars": chars})
        frames = await client.rest()
        assert frames[0]["payload"]["played"] == "applied"
        assert f"<|im_start|>assistant\n{kept}<|im_end|>" in place.prompt()


async def test_a_reply_of_which_nothing_was_heard_is_forgotten(serving: Serving) -> None:
    async with serving(says(*REPLY)) as place, place.connected() as client:
        await client.start("r-1", "hello")
        await client.rest()
        await client.message("r-2", "go on", played={"request_id": "r-1", "chars": 0})
        assert (await client.rest())[0]["payload"]["played"] == "applied"
        assert "hello\n\ngo on" in place.prompt()


async def test_an_unknown_turn_was_not_heard_and_harms_nothing(serving: Serving) -> None:
    async with serving(says(*REPLY)) as place, place.connected() as client:
        await client.start("r-1", "hi", played={"request_id": "r-0", "chars": 2})
        frames = await client.rest()
        assert frames[0]["payload"]["played"] == "unknown_turn"
        await client.message("r-2", "go on", played={"request_id": "nobody", "chars": 0})
        assert (await client.rest())[0]["payload"]["played"] == "unknown_turn"
        assert f"{TEXT}<|im_end|>" in place.prompt()


async def test_a_barge_in_says_what_was_heard_of_the_reply_it_interrupts(serving: Serving) -> None:
    async with serving(talks(30)) as place, place.connected() as client:
        await _talking(client)
        await client.until("token")
        await client.until("token")
        await client.message("r-2", "stop", played={"request_id": "r-1", "chars": 4})
        frames = await client.until("ack")
        assert frames[-1]["payload"]["played"] == "applied"
        await client.rest()
        assert "<|im_start|>assistant\nWord<|im_end|>" in place.prompt()


async def test_a_cancel_says_what_was_heard_and_is_told_whether_it_counted(serving: Serving) -> None:
    async with serving(talks(30)) as place, place.connected() as client:
        await _talking(client)
        await client.until("token")
        await client.say("cancel", "c-1", {"played": {"request_id": "r-1", "chars": 2}})
        assert (await client.rest())[-1]["payload"]["played"] == "applied"
        await client.say("cancel", "c-2", {"played": {"request_id": "r-1", "chars": 1}})
        frame = await client.expect("cancelled", "c-2")
        assert (frame["payload"]["reason"], frame["payload"]["played"]) == ("not_running", "applied")
        await client.message("r-2")
        await client.rest()
        assert "<|im_start|>assistant\nW<|im_end|>" in place.prompt()


async def test_heard_characters_are_code_points(serving: Serving) -> None:
    script = Script(step_s=0.002, reply=lambda _request: ["Café", " 👩‍👩‍👧", " ok"])
    async with serving(script) as place, place.connected() as client:
        await client.start("r-1", "hi", sampling={"sanitize_output": False})
        await client.rest()
        await client.message("r-2", played={"request_id": "r-1", "chars": 6})
        await client.rest()
        assert "assistant\nCafé 👩<|im_end|>" in place.prompt()


async def test_a_cancel_that_stops_nothing_does_not_claim_to_cut_the_running_reply(serving: Serving) -> None:
    async with serving(talks(30)) as place, place.connected() as client:
        await client.start("r-1", "hi", sampling={"sanitize_output": False})
        await client.rest()
        await _talking(client, "r-2")
        await client.say("cancel", "r-1", {"played": {"request_id": "r-2", "chars": 4}})
        frames = await client.until("cancelled")
        payload = frames[-1]["payload"]
        assert (payload["reason"], payload["turn"], payload["played"]) == ("not_running", None, "unknown_turn")
        whole = text_of([frame for frame in client.seen if frame["request_id"] == "r-2"])
        whole += text_of(await client.rest())
        await client.message("r-3")
        await client.rest()
        assert f"assistant\n{whole}<|im_end|>" in place.prompt()


async def test_a_cancel_that_stops_nothing_cuts_the_reply_before_the_running_one(serving: Serving) -> None:
    async with serving(talks(30)) as place, place.connected() as client:
        await client.start("r-1", "hi", sampling={"sanitize_output": False})
        await client.rest()
        await _talking(client, "r-2")
        await client.say("cancel", "r-1", {"played": {"request_id": "r-1", "chars": 4}})
        assert (await client.until("cancelled"))[-1]["payload"]["played"] == "applied"
        await client.rest()
        await client.message("r-3")
        await client.rest()
        assert "assistant\nWord<|im_end|>" in place.prompt()


async def test_a_followups_reply_is_cut_like_any_other(serving: Serving) -> None:
    async with serving(says(*REPLY)) as place, place.connected() as client:
        await client.start()
        await client.rest()
        await client.say("followup", "r-2", {"analysis_text": "A cat."})
        await client.rest()
        await client.message("r-3", "go on", played={"request_id": "r-2", "chars": 7})
        assert (await client.rest())[0]["payload"]["played"] == "applied"
        assert "ON THE SCREEN NOW: A cat.<|im_end|>\n<|im_start|>assistant\nOne two<|im_end|>" in place.prompt()


async def test_a_turn_that_was_never_taken_in_is_unknown(serving: Serving) -> None:
    async with serving(says(*REPLY)) as place, place.connected() as client:
        await client.start()
        await client.rest()
        place.engine.die()
        with trio.fail_after(5):
            while place.server.health.reason() is None:
                await trio.sleep(0.01)
        await client.message("r-2")
        assert (await client.rest())[-1]["payload"]["code"] == "server_busy"
        await client.say("cancel", "c-1", {"played": {"request_id": "r-2", "chars": 1}})
        assert (await client.expect("cancelled"))["payload"]["played"] == "unknown_turn"
