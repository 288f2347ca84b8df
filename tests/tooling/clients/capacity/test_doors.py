"""Both ways to a server: ours with its scripted engine, and one of chat completions that fails as a test wants.

The second is a stand-in: a real one is vLLM's, which `docs/benchmarks/capacity.md` was made beside.
"""

import pytest
import trio

from tests.tooling.clients.capacity.endpoint import WORDS, serving
from tests.tooling.clients.house import KEY, House, house
from tests.tooling.clients.standin import Frame, Session, standing_in
from tooling.clients.capacity.doors.completions import Completions, only_model
from tooling.clients.capacity.doors.line import Line, Reply
from tooling.clients.capacity.doors.ours import Ours
from tooling.clients.failures import NoConnection, UsageProblem
from tooling.clients.options import Common
from tooling.clients.session.connection import Limits
from tooling.yap_client.address import Endpoint

LIMIT_S = 30.0


def ours(url: str) -> Ours:
    endpoint = Endpoint(url, KEY)
    opening = {"chat_prompt": "You are Anna.", "gender": "female", "personality": "warm", "history": []}
    return Ours(Common(endpoint, Limits(receive_s=LIMIT_S), lenient=False), opening)


def address(at: House) -> str:
    return f"ws://127.0.0.1:{at.place.port}/ws"


async def heard(line: Line, text: str, played: int | None = None) -> Reply:
    """A reply to its end."""
    reply = await line.say(text, played)
    with trio.fail_after(LIMIT_S):
        await reply.over.wait()
    return reply


async def test_a_call_with_our_server_goes_on_after_a_cut_and_a_barge_in() -> None:
    async with house() as at, ours(address(at)).call() as line:
        first = await heard(line, "Hello?")
        assert first.error is None
        assert first.ttft_ms is not None
        second = await line.say("And then?", None)
        await line.stop(3)
        assert second.over.is_set()
        third = await line.say("Sorry, go on.", None)
        fourth = await heard(line, "No, wait.", 2)
        assert third.over.is_set()
        assert third.error is None
        assert fourth.voice.text() == first.voice.text()


async def test_a_server_that_goes_away_is_told_in_this_reply_and_in_all_later_ones() -> None:
    async def leaves(session: Session, frame: Frame) -> None:
        await session.send("ack", frame, **{"for": frame["type"], "ok": True})
        await session.send("token", frame, text="Well, ")
        await session.socket.aclose(1011)

    async with standing_in(leaves) as there, ours(there.url).call() as line:
        for _ in range(2):
            reply = await heard(line, "Hello?")
            assert reply.error == "connection closed with code 1011"


async def test_a_call_to_nobody_is_refused() -> None:
    async with house() as at:
        door = ours(address(at))
    with pytest.raises(NoConnection):
        async with door.call():
            raise AssertionError("nobody is there")


async def test_chat_completions_get_everything_that_was_said_as_far_as_it_was_heard() -> None:
    async with serving() as there, Completions(there.url, "m", "You are Anna.", extra={"top_p": 0.5}).call() as line:
        first = await heard(line, "Hello?")
        assert first.voice.text() == "".join(WORDS)
        await line.stop(5)
        await heard(line, "Wait.")
    asked = there.asked[-1]
    assert asked["messages"] == [
        {"role": "system", "content": "You are Anna."},
        {"role": "user", "content": "Hello?"},
        {"role": "assistant", "content": "Well,"},
        {"role": "user", "content": "Wait."},
    ]
    assert (asked["model"], asked["stream"], asked["top_p"]) == ("m", True, 0.5)
    assert there.dials == 1


@pytest.mark.parametrize("fault", ["crumbs", "not kept"])
async def test_what_a_server_of_chat_completions_may_do(fault: str) -> None:
    async with serving(fault=fault) as there, Completions(there.url, "m", "You are Anna.").call() as line:
        for _ in range(3):
            reply = await heard(line, "Hello?")
            assert (reply.error, reply.voice.text()) == (None, "".join(WORDS))
        assert there.dials == (3 if fault == "not kept" else 1)


@pytest.mark.parametrize("fault", ["refused", "cut", "garbage", "empty"])
async def test_what_goes_wrong_over_chat_completions_is_told_and_the_next_turn_is_tried(fault: str) -> None:
    async with serving(fault=fault) as there, Completions(there.url, "m", "You are Anna.").call() as line:
        assert (await heard(line, "Hello?")).error
        there.fault = ""
        assert (await heard(line, "Hello?")).error is None


async def test_a_reply_that_is_cut_off_hangs_up() -> None:
    async with serving() as there, Completions(there.url, "m", "You are Anna.").call() as line:
        reply = await line.say("Hello?", None)
        await line.stop(0)
        assert reply.over.is_set()
        assert (await heard(line, "Again?")).error is None
        assert there.dials <= 2


async def test_the_only_model_is_taken_and_of_several_one_must_be_chosen() -> None:
    async with serving() as there:
        door = Completions(there.url, "", "")
        assert await only_model(door) == "the-model"
        there.models = ("one", "two")
        with pytest.raises(UsageProblem, match="one, two: choose one with --openai-model"):
            await only_model(door)
        there.fault = "no models"
        with pytest.raises(NoConnection, match="is this OpenAI's API"):
            await only_model(door)
    with pytest.raises(NoConnection, match="no connection"):
        await only_model(door)
