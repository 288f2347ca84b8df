"""Modes both and tool on the wire, with decisions in the test's hands: protocol, section 5's table of orders."""

import trio
from attrs import define, field

from actors.router import Decision
from actors.session.intake import Routing
from engines.scripted import Script
from tests.e2e.client import PROMPT, Client, kinds_of, text_of
from tests.runtime.serving import STEP_S, Place, Serving, prompt_text

CHECK = "MUST CHECK SCREEN:"


@define(eq=False)
class Verdicts:
    """A router that answers what it is told to, after a while. `texts`: what it was asked."""

    answers: list[Decision]
    delay_s: float = 0.05
    texts: list[str] = field(factory=list)

    async def decide(self, text: str, timeout_s: float) -> Decision:
        """The next answer; the last one for ever. A timeout is a no without a score, as the real router has it."""
        self.texts.append(text)
        with trio.move_on_after(timeout_s) as patience:
            await trio.sleep(self.delay_s)
        if patience.cancelled_caught:
            return Decision(yes=False, score=None)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


YES, NO, FAILED = Decision(True, 0.9), Decision(False, 0.2), Decision(False, None)


def _letters() -> Routing:
    """The router's texts measured in characters."""

    def cut_end(text: str, budget: int) -> tuple[str, int]:
        return text[-budget:], min(len(text), budget)

    return Routing(count=len, cut_end=cut_end, budget=200)


def _script() -> Script:
    return Script(
        step_s=STEP_S,
        reply=lambda request: ["Looking", "."] if CHECK in prompt_text(request) else ["Hello", " you", "."],
    )


async def _both(place: Place, *answers: Decision, delay_s: float = 0.05) -> Verdicts:
    router = Verdicts(list(answers), delay_s)
    place.route(router, _letters())
    return router


async def test_no_is_ack_toolcall_tokens_final_done(serving: Serving) -> None:
    async with serving(_script()) as place:
        router = await _both(place, NO)
        async with place.connected() as client:
            await client.start("r-1", "hello")
            frames = await client.rest()
        assert kinds_of(frames) == ["ack", "toolcall", "token", "final", "done"]
        assert frames[1]["payload"] == {"status": "no", "raw": [], "score": 0.2}
        assert list(frames[1]["payload"]) == ["status", "raw", "score"]
        assert text_of(frames) == "Hello you."
        assert frames[-1]["payload"]["timings"]["route_ms"] >= 50
        assert router.texts == ["hello"]
        assert len(place.engine.submitted) == 1, "the speculative generation is the one that is delivered"


async def test_yes_names_the_tool_and_answers_with_the_check_prefix(serving: Serving) -> None:
    async with serving(_script()) as place:
        await _both(place, YES)
        async with place.connected() as client:
            await client.start("r-1", "look at this")
            frames = await client.rest()
            assert kinds_of(frames) == ["ack", "toolcall", "token", "final", "done"]
            assert frames[1]["payload"] == {"status": "yes", "raw": [{"name": "take_screenshot"}], "score": 0.9}
            assert text_of(frames) == "Looking."
            await client.message("r-2", "and now")
            await client.rest()
            assert f"{CHECK} look at this" in place.prompt(), "the prefix stays"


async def test_a_router_that_fails_or_is_late_means_no(serving: Serving) -> None:
    for answer, delay_s in ((FAILED, 0.0), (YES, 60.0)):
        async with serving(_script(), TOOL_TIMEOUT_S="0.3") as place:
            await _both(place, answer, delay_s=delay_s)
            async with place.connected() as client:
                await client.start()
                frames = await client.rest()
                assert kinds_of(frames) == ["ack", "toolcall", "token", "final", "done"]
                assert frames[1]["payload"] == {"status": "no", "raw": [], "score": None}
                await client.answers_pings()


async def test_without_speculation_the_frames_are_the_same(serving: Serving) -> None:
    for decision in (YES, NO):
        async with serving(_script(), ROUTING_SPECULATION="0") as place:
            await _both(place, decision)
            async with place.connected() as client:
                await client.start()
                assert kinds_of(await client.rest()) == ["ack", "toolcall", "token", "final", "done"]
            assert len(place.engine.submitted) == 1


async def test_a_cancel_while_the_router_thinks_shows_no_decision_and_no_text(serving: Serving) -> None:
    async with serving(_script()) as place:
        await _both(place, YES, delay_s=0.5)
        async with place.connected() as client:
            await client.start()
            await client.expect("ack")
            await trio.sleep(0.1)
            await client.say("cancel", "c-1")
            assert (await client.expect("cancelled", "c-1"))["payload"]["turn"] == "r-1"
            await client.quiet(0.6)
            await place.until_idle_engine()


async def test_a_barge_in_while_the_router_thinks_starts_anew(serving: Serving) -> None:
    async with serving(_script()) as place:
        await _both(place, NO, delay_s=0.2)
        async with place.connected() as client:
            await client.start()
            await client.expect("ack")
            await client.message("r-2")
            frames = await client.until("done")
            assert [(frame["type"], frame["request_id"]) for frame in frames][:3] == [
                ("cancelled", "r-1"),
                ("ack", "r-2"),
                ("toolcall", "r-2"),
            ]


async def test_a_followup_is_not_routed(serving: Serving) -> None:
    async with serving(_script()) as place:
        router = await _both(place, YES)
        async with place.connected() as client:
            await client.start("r-1", "look")
            await client.rest()
            await client.say("followup", "f-1", {"analysis_text": "a cat"})
            assert kinds_of(await client.rest()) == ["ack", "token", "final", "done"]
            await client.message("r-2", "nice")
            await client.rest()
        assert router.texts == ["look", "look\nnice"], "neither prefixes nor analyses reach the router"


# -- a deployment without a chat model ---------------------------------------------------------------------------------


async def _tool(client: Client, request_id: str = "r-1", **payload: object) -> list[str]:
    kind = "start" if request_id == "r-1" else "message"
    await client.say(kind, request_id, {"user_utterance": "look", **payload})
    return kinds_of(await client.rest())


async def test_a_tool_turn_is_ack_toolcall_empty_final_done(serving: Serving) -> None:
    async with serving() as place:
        place.route(Verdicts([YES, NO]), _letters(), chats=False)
        async with place.connected() as client:
            assert await _tool(client) == ["ack", "toolcall", "final", "done"]
            toolcall, final, done = client.seen[-3:]
            assert toolcall["payload"]["status"] == "yes"
            assert final["payload"] == {"normalized_text": ""}
            assert done["payload"]["finish_reason"] == "tool"
            assert await _tool(client, "r-2") == ["ack", "toolcall", "final", "done"]
            assert client.seen[-3]["payload"]["status"] == "no"


async def test_a_tool_session_takes_no_followup_and_ignores_chat_fields(serving: Serving) -> None:
    async with serving() as place:
        place.route(Verdicts([NO]), _letters(), chats=False)
        async with place.connected() as client:
            await _tool(client, chat_prompt=5, sampling="hot", check_screen_prefix="x" * 99, temperature="x")
            assert client.seen[0]["payload"]["chat_prompt"] is False
            assert client.seen[-1]["type"] == "done"
            await client.say("followup", "f-1", {"analysis_text": "a cat"})
            assert (await client.refusal())[:2] == ("invalid_settings", "followup_unavailable")
            await client.say("message", "r-2", {"user_utterance": "hi", "chat_prompt": PROMPT})
            assert (await client.rest())[-1]["type"] == "done"
