"""Rate limits: protocol, section 6."""

import pytest
import trio

from tests.e2e.client import Client, Frame
from tests.runtime.serving import Serving, says, talks


async def _talking(client: Client, request_id: str = "r-1") -> list[Frame]:
    """Start a turn and read until it streams."""
    if request_id == "r-1":
        await client.start("r-1", "remember green")
    else:
        await client.message(request_id)
    return await client.until("token")


async def test_too_many_turn_frames_are_told_when_to_come_back_and_disturb_nothing(serving: Serving) -> None:
    async with serving(talks(60), WS_MAX_MESSAGES_PER_WINDOW="2", WS_MESSAGE_WINDOW_SECONDS="1.5") as place:
        async with place.connected() as client:
            await _talking(client)
            await client.say("shout", "u-1")  # unknown types share the bucket
            await client.message("r-2")
            frames = await client.until("done")
            errors = [frame["payload"] for frame in frames if frame["type"] == "error"]
            assert [error["details"]["reason_code"] for error in errors] == [
                "unknown_message_type",
                "message_rate_limited",
            ]
            details = errors[1]["details"]
            assert errors[1]["code"] == "rate_limited"
            assert (details["limit"], details["window_seconds"], details["kind"]) == (2, 1.5, "message")
            assert details["retry_in"] in (1, 2)
            assert details["friendly_message"]
            assert frames[-1]["request_id"] == "r-1"
            await trio.sleep(1.5)
            await client.message("r-2")
            assert (await client.rest())[-1]["type"] == "done", "a refused frame is not recorded, nor its id"


async def test_cancels_have_a_bucket_of_their_own(serving: Serving) -> None:
    async with serving(talks(30), WS_MAX_CANCELS_PER_WINDOW="2", WS_CANCEL_WINDOW_SECONDS="30") as place:
        async with place.connected() as client:
            for number in range(2):
                await client.say("cancel", f"c-{number}")
                await client.expect("cancelled")
            await _talking(client)
            await client.say("cancel", "c-3")
            frames = await client.until("done")
            (error,) = [frame for frame in frames if frame["type"] == "error"]
            assert error["payload"]["code"] == "rate_limited"
            assert error["payload"]["details"]["reason_code"] == "cancel_rate_limited"
            assert "friendly_message" not in error["payload"]["details"]
            for _ in range(40):
                await client.answers_pings()
            await client.say("end", "bye")
            assert (await client.closed())[0] == 1000


@pytest.mark.parametrize("off", ["WS_MAX_MESSAGES_PER_WINDOW", "WS_MESSAGE_WINDOW_SECONDS"])
async def test_zero_turns_a_bucket_off(serving: Serving, off: str) -> None:
    async with serving(says("Yes."), **{off: "0"}) as place, place.connected() as client:
        await client.start("r-0")
        await client.rest()
        for number in range(1, 40):
            await client.message(f"r-{number}", "hi")
            assert (await client.rest())[-1]["type"] == "done"


async def test_the_default_is_25_turn_frames(serving: Serving) -> None:
    async with serving(says("Yes.")) as place, place.connected() as client:
        await client.start("r-0")
        await client.rest()
        for number in range(1, 25):
            await client.message(f"r-{number}", "hi")
            await client.rest()
        await client.message("r-25")
        assert (await client.refusal())[:2] == ("rate_limited", "message_rate_limited")


@pytest.mark.parametrize("sent", ["pings", "no JSON", "refused messages"])
async def test_frames_that_no_rate_limit_counts_have_a_budget_of_bytes(serving: Serving, sent: str) -> None:
    """Four frames of the greatest size a minute; then an error that says so, and the close."""
    async with serving(says("Yes."), WS_MAX_FRAME_BYTES="1024", WS_MAX_MESSAGES_PER_WINDOW="1") as place:
        async with place.connected() as client, place.connected() as neighbour:
            await client.start("r-1")
            await client.rest()
            for number in range(5):
                match sent:
                    case "pings":
                        await client.say("ping", f"p-{number}", {"x": "x" * 920})
                    case "no JSON":
                        await client.raw("x" * 1000)
                    case _:
                        await client.message(f"m-{number}", "x" * 900)
            code, _ = await client.closed()
            assert code == 1008
            last = client.seen[-1]
            assert (last["type"], last["payload"]["code"]) == ("error", "rate_limited")
            assert last["payload"]["details"]["reason_code"] == "message_rate_limited"
            assert last["payload"]["details"]["limit"] == 4096
            answers = [frame["type"] for frame in client.seen if frame["type"] in ("pong", "error")]
            assert len(answers) == 5
            await neighbour.answers_pings()
