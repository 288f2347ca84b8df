"""A connection that says nothing ends after a while; what counts as a word. Protocol, section 7."""

import trio

from tests.e2e.client import kinds_of
from tests.runtime.serving import Serving, says, talks

# What takes longer on the busiest machine waits for something that it should not wait for.
PATIENCE_S = 8.0


async def test_silence_closes_with_4000(serving: Serving) -> None:
    """How soon is a matter of virtual clocks: `tests/actors/test_connection.py`."""
    async with serving(WS_IDLE_TIMEOUT_S="0.6") as place, place.connected() as client:
        await client.answers_pings()
        heard = trio.current_time()
        assert await client.closed() == (4000, "idle_timeout")
        assert 0.55 < trio.current_time() - heard < PATIENCE_S
        assert "error" not in kinds_of(client.seen)


async def test_a_connection_that_never_said_anything_is_idle_too(serving: Serving) -> None:
    async with serving(WS_IDLE_TIMEOUT_S="0.4") as place, place.connected() as client:
        assert await client.closed() == (4000, "idle_timeout")


async def test_every_well_formed_frame_is_a_sign_of_life(serving: Serving) -> None:
    async with serving(says("Yes."), WS_IDLE_TIMEOUT_S="1.5") as place, place.connected() as client:
        for kind in ("ping", "pong", "cancel", "shout", "ping"):
            await trio.sleep(0.35)
            await client.say(kind, "x-1")
        await trio.sleep(0.35)
        await client.say("message", "m-1", {})  # refused, but a frame
        await trio.sleep(0.35)
        assert client.socket.closed is None
        assert (await client.closed())[0] == 4000


async def test_a_malformed_frame_is_no_sign_of_life(serving: Serving) -> None:
    async with serving(WS_IDLE_TIMEOUT_S="2") as place, place.connected() as client:
        began = trio.current_time()
        for _ in range(3):
            await trio.sleep(0.6)
            await client.raw("nonsense")
        assert await client.closed() == (4000, "idle_timeout")
        assert trio.current_time() - began < 3 * 0.6 + 2, "not counted from the last of them"


async def test_a_running_turn_is_not_idle_however_silent_its_client_is(serving: Serving) -> None:
    async with serving(talks(60, 0.02), WS_IDLE_TIMEOUT_S="0.3") as place, place.connected() as client:
        await client.start()
        frames = await client.rest()
        ended = trio.current_time()
        assert frames[-1]["type"] == "done"
        assert (await client.closed())[0] == 4000
        assert trio.current_time() - ended < PATIENCE_S


async def test_zero_means_never_idle(serving: Serving) -> None:
    async with serving(WS_IDLE_TIMEOUT_S="0") as place, place.connected() as client:
        await trio.sleep(0.5)
        await client.answers_pings()
