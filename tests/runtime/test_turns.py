"""Turns on the wire: which frames, in which order, with which fields. Protocol, sections 4, 5 and 6."""

import re
from datetime import UTC, datetime

import trio

from engines.scripted import Script
from tests.e2e.client import PROMPT, kinds_of, text_of
from tests.runtime.serving import Serving, says, talks

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
