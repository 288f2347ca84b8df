"""Turns that fail, and engines that do: nothing to say, a time limit, an engine that dies, hangs or is full.
The client is told, and a later turn works.
"""

from contextlib import AsyncExitStack

import pytest
import trio

from engines.base import GenerationRequest
from engines.scripted import Script
from tests.e2e.client import Client, kinds_of, text_of
from tests.runtime.serving import STEP_S, Serving, prompt_text, says, talks


@pytest.mark.parametrize("tokens", [[], ["", ""], ["🙂"], ["   "]], ids=["nothing", "empty", "an emoji", "blanks"])
async def test_nothing_left_to_say_is_an_error_of_the_turn(serving: Serving, tokens: list[str]) -> None:
    async with serving(says(*tokens)) as place, place.connected() as client:
        await client.start()
        frames = await client.rest()
        assert kinds_of(frames) == ["ack", "error"]
        payload = frames[-1]["payload"]
        assert list(payload) == ["code", "message", "details", "usage"]
        assert (payload["code"], payload["details"]["reason_code"]) == ("internal_error", "empty_model_output")
        assert frames[-1]["request_id"] == "r-1"
        await client.message("r-2")
        assert (await client.rest())[-1]["request_id"] == "r-2"


async def test_a_generation_that_takes_too_long_is_stopped_after_its_tokens(serving: Serving) -> None:
    async with serving(talks(150, 0.02), GEN_TIMEOUT_S="0.3") as place, place.connected() as client:
        await client.start()
        frames = await client.rest()
        assert kinds_of(frames) == ["ack", "token", "error"]
        payload = frames[-1]["payload"]
        assert (payload["code"], payload["details"]["reason_code"]) == ("internal_error", "generation_timeout")
        assert 5 <= payload["usage"]["completion_tokens"] < 30
        await place.until_idle_engine()
        await client.answers_pings()
        await client.message("r-2")
        await client.expect("ack")
        with trio.fail_after(5):
            while len(place.engine.submitted) < 2:
                await trio.sleep(0.01)
        assert text_of(frames) in place.prompt(1), "what was sent is remembered"


async def test_a_request_that_fails_ends_its_turn_and_no_other(serving: Serving) -> None:
    def failing(request: GenerationRequest) -> int | None:
        return 3 if "break" in prompt_text(request) else None

    script = Script(step_s=STEP_S, reply=lambda _request: ["Well", " said", ", my", " friend", "."], fail=failing)
    async with serving(script) as place, place.connected() as one, place.connected(session_id="s-2") as two:
        await one.start("r-1", "break")
        await two.start("r-1", "fine")
        frames = await one.rest()
        assert kinds_of(frames) == ["ack", "token", "error"]
        payload = frames[-1]["payload"]
        assert (payload["code"], payload["details"]["reason_code"]) == ("internal_error", "engine_error")
        assert payload["usage"]["completion_tokens"] == 3
        assert "script" not in payload["message"], "what exactly the engine said is for the log"
        assert (await two.rest())[-1]["type"] == "done"
        await one.answers_pings()


async def test_an_engine_that_dies_ends_its_turns_and_the_next_turn_works_after_the_restart(serving: Serving) -> None:
    async with serving(talks(60)) as place, place.connected() as one, place.connected(session_id="s-2") as two:
        for client in (one, two):
            await client.start("r-1", "remember blue")
            await client.until("token")
        place.engine.die()
        for client in (one, two):
            error = (await client.rest())[-1]
            assert error["payload"]["details"]["reason_code"] == "engine_error"
            assert error["request_id"] == "r-1"
        await one.message("r-2")
        frames = await one.rest()
        assert kinds_of(frames) == ["ack", "error"]
        payload = frames[-1]["payload"]
        assert (payload["code"], payload["details"]["reason_code"]) == ("server_busy", "engine_unavailable")
        assert payload["details"]["retry_in"] == 1
        await place.until_restarted()
        await one.message("r-3", "what was it")
        assert (await one.rest())[-1]["type"] == "done"
        prompt = place.prompt()
        assert "remember blue" in prompt, "the session's history outlives its engine"
        assert "and then?" not in prompt, "a busy server takes the message out again"


async def test_a_stalled_engine_is_not_ready_and_a_hung_one_is_restarted(serving: Serving) -> None:
    async with serving(talks(60), ENGINE_STALL_TIMEOUT_S="0.3", ENGINE_HANG_TIMEOUT_S="1.2") as place:
        async with place.connected() as client:
            await client.start()
            await client.until("token")
            place.engine.stalled = True
            with trio.fail_after(5):
                while place.server.health.reason() is None:
                    await trio.sleep(0.02)
            assert "no progress" in str(place.server.health.reason())
            error = (await client.rest())[-1]
            assert error["payload"]["details"]["reason_code"] == "engine_error"
            await place.until_restarted()
            await client.message("r-2")
            assert (await client.rest())[-1]["type"] == "done"


async def test_an_engine_that_ignores_an_abort_counts_as_hung_but_the_client_never_waits(serving: Serving) -> None:
    script = Script(step_s=0.02, max_running=1, reply=lambda _request: [" word"] * 100, ignores_aborts=True)
    async with serving(script, CANCEL_GRACE_S="1.5") as place, place.connected() as client:
        await client.start()
        await client.until("token")
        began = trio.current_time()
        await client.say("cancel", "c-1")
        await client.until("cancelled")
        assert trio.current_time() - began < 1.5, "the grace is not waited for"
        assert place.actor.stats().unconfirmed_aborts == 1
        await client.answers_pings()
        await place.until_restarted()
        await client.message("r-2")
        assert (await client.rest())[-1]["type"] == "done"


async def test_more_turns_than_the_engine_and_its_queue_take_are_told_to_come_back(serving: Serving) -> None:
    script = Script(step_s=0.02, max_running=1, reply=lambda _request: [" word"] * 60)
    async with serving(script, ENGINE_MAX_QUEUED="1") as place:
        async with (
            place.connected(session_id="a") as one,
            place.connected(session_id="b") as two,
            place.connected(session_id="c") as three,
        ):
            await one.start()
            await one.until("token")
            await two.start()
            await two.expect("ack")
            with trio.fail_after(8):
                while place.actor.running < 2:
                    await trio.sleep(0.01)
            await three.start()
            frames = await three.rest()
            assert kinds_of(frames) == ["ack", "error"]
            payload = frames[-1]["payload"]
            assert (payload["code"], payload["details"]["reason_code"]) == ("server_busy", "engine_queue_full")
            assert payload["details"]["retry_in"] >= 1
            assert "session_id" not in payload
            assert (await one.rest())[-1]["type"] == "done"
            assert (await two.rest())[-1]["type"] == "done", "a queued turn is served in its turn"
            await three.message("r-2")
            assert (await three.rest())[-1]["type"] == "done"


async def test_turns_that_come_at_once_with_prompts_that_take_time_never_overfill_the_engine(serving: Serving) -> None:
    script = Script(step_s=0.01, max_running=1, reply=lambda _request: [" word"] * 30)
    more = {"ENGINE_MAX_QUEUED": "1", "CHAT_MAX_LEN": "60000", "CHAT_PROMPT_MAX_TOKENS": "30000"}
    async with serving(script, **more) as place, AsyncExitStack() as guests:
        clients = [await guests.enter_async_context(place.connected(session_id=f"s-{n}")) for n in range(10)]
        most = 0
        ends: list[str] = []

        async def converse(client: Client) -> None:
            # Longer than what is rendered on the spot: all of them are looked at before the first is handed over.
            await client.start("r-1", "hi", chat_prompt="Be kind and brief. " * 400)
            end = (await client.rest())[-1]
            ends.append(end["type"] if end["type"] == "done" else end["payload"]["details"]["reason_code"])

        async with trio.open_nursery() as nursery:
            for client in clients:
                nursery.start_soon(converse, client)
            while len(ends) < len(clients):
                most = max(most, place.actor.running)
                await trio.sleep(0.001)
        assert most == 2
        assert ends == ["engine_queue_full"] * 8 + ["done"] * 2
        assert len(place.engine.submitted) == 2
        await place.until_idle_engine()
        assert place.actor.stats().places == 0
        await clients[0].message("r-2")
        assert (await clients[0].rest())[-1]["type"] == "done"
