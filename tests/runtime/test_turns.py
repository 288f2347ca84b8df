"""Turns on the wire: which frames, in which order, with which fields. Protocol, sections 4, 5 and 6."""

import re
from datetime import UTC, datetime

import pytest
import trio

from engines.base import GenerationRequest
from engines.scripted import Script
from tests.e2e.client import PROMPT, kinds_of, text_of
from tests.runtime.serving import STEP_S, Serving, prompt_text, says, talks

USAGE = ["prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens"]
TIMINGS = ["queue_ms", "route_ms", "ttft_ms", "total_ms"]


async def test_a_chat_turn_is_ack_tokens_final_done(serving: Serving) -> None:
    async with serving(says("Hello", " there", ", you", ".")) as place, place.connected() as client:
        await client.start("r-1", "hi")
        frames = await client.rest()
        assert kinds_of(frames) == ["ack", "token", "final", "done"]
        assert {frame["request_id"] for frame in frames} == {"r-1"}
        assert {frame["session_id"] for frame in frames} == {"s-1"}
        assert all(frame["payload"]["text"] for frame in frames if frame["type"] == "token")
        assert frames[-2]["payload"] == {"normalized_text": text_of(frames)}
        assert text_of(frames) == "Hello there, you."
        await client.answers_pings()


async def test_done_tells_the_engines_counts_and_times_in_order(serving: Serving) -> None:
    async with serving(talks(40, 0.01)) as place, place.connected() as client:
        sent = trio.current_time()
        await client.start()
        frames = await client.rest()
        lasted_ms = (trio.current_time() - sent) * 1000
        done = frames[-1]["payload"]
        assert list(done) == ["usage", "finish_reason", "timings"]
        assert list(done["usage"]) == USAGE
        prompt, reply = len(place.engine.submitted[0].prompt_ids), place.counted(40)
        assert done["usage"] == dict(zip(USAGE, (prompt, reply, prompt + reply, 0), strict=True))
        assert done["finish_reason"] == "stop"
        times = done["timings"]
        assert list(times) == TIMINGS
        assert times["route_ms"] is None
        assert 0 <= times["queue_ms"] <= times["ttft_ms"] <= times["total_ms"] <= lasted_ms
        assert times["ttft_ms"] < 0.6 * times["total_ms"], "the first token does not wait for the last"


async def test_the_first_ack_says_what_the_session_is(serving: Serving) -> None:
    history = [
        {"role": "user", "content": "u1"},
        {"role": "assistant", "content": "a1"},
        {"role": "Assistant ", "content": "a1b"},
        {"role": "user", "content": "u2"},
        {"role": "user", "content": [{"type": "text", "text": "u2b"}, {"type": "text", "text": "more"}]},
        {"role": "assistant", "content": "a2"},
        {"role": "system", "content": "obey"},
        {"role": "user", "content": "  "},
    ]
    async with serving(says("Yes.")) as place, place.connected() as client:
        await client.start("r-1", "hi", gender=" Woman", personality="Flirty", history=history)
        payload = (await client.expect("ack", "r-1"))["payload"]
        assert list(payload) == ["for", "ok", "now", "gender", "personality", "chat_prompt", "history"]
        assert (payload["for"], payload["ok"], payload["chat_prompt"]) == ("start", True, True)
        assert (payload["gender"], payload["personality"]) == ("female", "Flirty")
        counts = payload["history"]
        assert list(counts) == ["input_messages", "input_turns", "retained_turns", "trimmed", "history_tokens"]
        assert (counts["input_messages"], counts["input_turns"], counts["retained_turns"]) == (8, 2, 2)
        assert counts["trimmed"] is False
        assert counts["history_tokens"] > 0
        now = payload["now"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \w+day (morning|afternoon|evening|night)", now)
        assert abs((datetime.fromisoformat(now.split()[0]) - datetime.now(UTC)).total_seconds()) < 60


async def test_an_imported_history_is_in_the_prompt_in_its_order(serving: Serving) -> None:
    history = [{"role": "user", "content": "first"}, {"role": "assistant", "content": "second"}]
    async with serving(says("Yes.")) as place, place.connected() as client:
        await client.start("r-1", "third", history=history)
        await client.rest()
        prompt = place.prompt(0)
        assert re.search(r"kind and brief\..*first.*second.*third", prompt, re.DOTALL)


async def test_a_long_import_is_trimmed_and_the_ack_counts_what_is_left(serving: Serving) -> None:
    history = [{"role": role, "content": f"{number} " + "x" * 300} for number in range(100) for role in ("user",)]
    pairs = [item for user in history for item in (user, {"role": "assistant", "content": "ok"})]
    async with serving(says("Yes.")) as place, place.connected() as client:
        await client.start("r-1", "hi", history=pairs)
        counts = (await client.expect("ack"))["payload"]["history"]
        assert (counts["input_messages"], counts["input_turns"], counts["trimmed"]) == (200, 100, True)
        assert 0 < counts["retained_turns"] < 100
        assert counts["history_tokens"] <= 2000


async def test_later_acks_are_short_and_say_when_a_persona_came_too_late(serving: Serving) -> None:
    async with serving(says("Yes.")) as place, place.connected() as client:
        await client.start()
        await client.rest()
        await client.message("r-2")
        assert (await client.rest())[0]["payload"] == {"for": "message", "ok": True}
        await client.say("start", "r-3", {"user_utterance": "hi"})
        assert (await client.rest())[0]["payload"] == {"for": "start", "ok": True}
        for number, key in enumerate(("chat_prompt", "gender", "personality", "check_screen_prefix")):
            await client.say("start", f"p-{number}", {"user_utterance": "hi", key: 5})
            frames = await client.rest()
            assert frames[0]["payload"] == {"for": "start", "ok": True, "persona": "locked"}
            assert frames[-1]["type"] == "done"


async def test_a_followup_is_a_turn_with_the_checked_prefix(serving: Serving) -> None:
    async with serving(says("I see.")) as place, place.connected() as client:
        await client.start()
        await client.rest()
        await client.say("followup", "f-1", {"analysis_text": "a cat"})
        frames = await client.rest()
        assert kinds_of(frames) == ["ack", "token", "final", "done"]
        assert frames[0]["payload"] == {"for": "followup", "ok": True}
        prompt = place.prompt(1)
        assert "ON THE SCREEN NOW: a cat" in prompt


async def test_a_session_may_bring_its_own_prefix(serving: Serving) -> None:
    async with serving(says("I see.")) as place, place.connected() as client:
        await client.start("r-1", "hi", screen_checked_prefix="LOOK:")
        await client.rest()
        await client.say("followup", "f-1", {"analysis_text": "a cat"})
        await client.rest()
        assert "LOOK: a cat" in place.prompt(1)


async def test_what_was_said_is_the_next_prompts_beginning(serving: Serving) -> None:
    async with serving(says("Sure", " thing", ".")) as place, place.connected() as client:
        await client.start("r-1", "hi")
        await client.rest()
        await client.message("r-2", "go on")
        await client.rest()
        first, second = place.prompt(0), place.prompt(1)
        assert second.startswith(first + "Sure thing.<|im_end|>")
        assert "go on" in second[len(first) :]


async def test_a_reply_at_its_longest_finishes_for_length(serving: Serving) -> None:
    script = Script(step_s=0.001, reply=lambda _request: [" a"] * 500)
    async with serving(script, CHAT_MAX_OUT="20") as place, place.connected() as client:
        await client.start()
        done = (await client.rest())[-1]["payload"]
        assert (done["finish_reason"], done["usage"]["completion_tokens"]) == ("length", 20)


async def test_a_stop_string_ends_the_reply_and_is_not_in_it(serving: Serving) -> None:
    async with serving(says("Fine", ".", " |im", "_end", "| and", " more")) as place, place.connected() as client:
        await client.start()
        frames = await client.rest()
        assert kinds_of(frames) == ["ack", "token", "final", "done"]
        assert text_of(frames).rstrip() == "Fine."
        assert frames[-1]["payload"]["finish_reason"] == "stop"
        await place.until_idle_engine()


async def test_token_text_is_exactly_what_the_model_said_without_the_sanitizer(serving: Serving) -> None:
    tokens = ["**Bold**", " 🙂", "\n", "<b>&amp;", "</b> \u2028", '"\\', "  "]
    async with serving(says(*tokens)) as place, place.connected() as client:
        await client.start("r-1", "hi", sampling={"sanitize_output": False})
        frames = await client.rest()
        assert text_of(frames) == "".join(tokens)
        assert frames[-2]["payload"]["normalized_text"] == "".join(tokens)


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
    async with serving(script, CANCEL_GRACE_S="0.5") as place, place.connected() as client:
        await client.start()
        await client.until("token")
        began = trio.current_time()
        await client.say("cancel", "c-1")
        await client.until("cancelled")
        assert trio.current_time() - began < 0.4
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
            with trio.fail_after(2):
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


async def test_frames_are_utf_8_and_not_escaped(serving: Serving) -> None:
    async with serving(says("Café", " naïve", ".")) as place, place.connected() as client:
        client.session_id = "sitzung-ü"
        await client.start("r-é", "hi")
        frames = await client.rest()
        assert {frame["request_id"] for frame in frames} == {"r-é"}
        assert {frame["session_id"] for frame in frames} == {"sitzung-ü"}
        assert "Caf" in text_of(frames)


async def test_ids_keep_their_spelling(serving: Serving) -> None:
    async with serving(says("Yes.")) as place, place.connected() as client:
        client.session_id = " s 1 "
        await client.say("START", " r 1 ", {"chat_prompt": PROMPT, "user_utterance": "hi"})
        frames = await client.rest()
        assert {(frame["session_id"], frame["request_id"]) for frame in frames} == {(" s 1 ", " r 1 ")}
