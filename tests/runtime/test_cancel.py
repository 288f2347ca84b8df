"""Cancel, barge-in, end: protocol, sections 4 and 5."""

import pytest
import trio

from tests.e2e.client import Client, Frame, kinds_of, text_of
from tests.runtime.serving import Place, Serving, says, talks

REASONS: tuple[tuple[dict[str, object] | None, str], ...] = (
    ({"reason": "user_spoke"}, "user_spoke"),
    ({"reason": "x" * 64}, "x" * 64),
    ({"reason": None}, "client_request"),
    ({"reason": " "}, "client_request"),
    ({}, "client_request"),
    (None, "client_request"),
)


async def _talking(client: Client, request_id: str = "r-1") -> list[Frame]:
    """Start a turn and read until it streams."""
    if request_id == "r-1":
        await client.start("r-1", "remember green")
    else:
        await client.message(request_id)
    return await client.until("token")


async def _stops(place: Place, client: Client, cancel_id: str) -> Frame:
    frames = await client.rest()
    assert kinds_of([frame for frame in frames if frame["type"] != "token"]) == ["cancelled"]
    assert frames[-1]["request_id"] == cancel_id
    await client.quiet(0.1)
    await place.until_idle_engine()
    return frames[-1]


@pytest.mark.parametrize("cancel_id", ["r-1", "never-used"])
async def test_a_cancel_by_the_turns_id_or_a_new_one_stops_the_turn(serving: Serving, cancel_id: str) -> None:
    async with serving(talks()) as place, place.connected() as client:
        await _talking(client)
        await client.say("cancel", cancel_id)
        cancelled = await _stops(place, client, cancel_id)
        assert list(cancelled["payload"]) == ["reason", "usage", "turn"]
        assert cancelled["payload"]["reason"] == "client_request"
        assert cancelled["payload"]["turn"] == "r-1"
        assert 1 <= cancelled["payload"]["usage"]["completion_tokens"] < 150
        assert len(place.engine.aborted) == 1
        await client.message("r-2")
        assert (await client.rest())[-1]["request_id"] == "r-2"


async def test_a_cancel_says_why_when_it_wants_to(serving: Serving) -> None:
    async with serving(talks()) as place, place.connected() as client:
        for number, (payload, expected) in enumerate(REASONS, start=1):
            await _talking(client, f"r-{number}")
            await client.say("cancel", f"c-{number}", payload)
            assert (await client.rest())[-1]["payload"]["reason"] == expected


async def test_a_cancel_with_nothing_to_stop_is_answered_once(serving: Serving) -> None:
    async with serving(says("Yes.")) as place, place.connected() as client:
        await client.say("cancel", "c-1")  # there is not even a session
        frame = await client.expect("cancelled", "c-1")
        assert (frame["payload"]["reason"], frame["payload"]["turn"]) == ("not_running", None)
        await client.start()
        await client.rest()
        for cancel_id in ("r-1", "c-2"):
            await client.say("cancel", cancel_id, {"reason": "user_spoke"})
            frame = await client.expect("cancelled", cancel_id)
            assert (frame["payload"]["reason"], frame["payload"]["turn"]) == ("not_running", None)
        await client.answers_pings()


async def test_a_cancel_for_a_turn_that_has_ended_leaves_the_running_one_alone(serving: Serving) -> None:
    async with serving(talks(60)) as place, place.connected() as client:
        await _talking(client)
        await client.say("cancel", "r-1")
        await client.rest()
        await _talking(client, "r-2")
        await client.say("cancel", "r-1")
        frames = await client.until("cancelled")
        assert frames[-1]["request_id"] == "r-1"
        assert frames[-1]["payload"]["reason"] == "not_running"
        done = (await client.rest())[-1]
        assert (done["type"], done["request_id"]) == ("done", "r-2")


async def test_two_cancels_get_two_answers_and_stop_one_turn(serving: Serving) -> None:
    async with serving(talks()) as place, place.connected() as client:
        await _talking(client)
        await client.say("cancel", "c-1")
        await client.say("cancel", "c-2")
        frames = await client.rest()
        assert frames[-1]["payload"]["turn"] == "r-1"
        second = await client.expect("cancelled", "c-2")
        assert second["payload"]["reason"] == "not_running"
        assert len(place.engine.aborted) == 1


async def test_a_cancel_before_the_first_token_stops_the_turn_too(serving: Serving) -> None:
    async with serving(talks()) as place, place.connected() as client:
        place.engine.stalled = True
        await client.start()
        await client.say("cancel", "c-1")
        frames = await client.rest()
        assert kinds_of(frames) == ["ack", "cancelled"]
        assert frames[-1]["payload"]["usage"]["completion_tokens"] == 0
        await client.answers_pings()


async def test_a_barge_in_ends_the_old_turn_before_the_new_one_is_acked(serving: Serving) -> None:
    async with serving(talks(30)) as place, place.connected() as client:
        heard = await _talking(client)
        await client.message("r-2", "stop, listen")
        frames = await client.until("ack")
        heard += [frame for frame in frames if frame["type"] == "token"]
        cancelled, ack = frames[-2:]
        assert (cancelled["type"], cancelled["request_id"]) == ("cancelled", "r-1")
        assert cancelled["payload"]["reason"] == "barge_in"
        assert cancelled["payload"]["turn"] == "r-1"
        assert ack["request_id"] == "r-2"
        rest = await client.rest()
        assert {frame["request_id"] for frame in rest} == {"r-2"}
        assert kinds_of(rest) == ["token", "final", "done"]
        prompt = place.prompt()
        assert f"{text_of(heard)}<|im_end|>" in prompt, "the stored reply is exactly the text that was sent"
        assert prompt.index("remember green") < prompt.index(text_of(heard)) < prompt.index("stop, listen")


@pytest.mark.parametrize("kind", ["start", "message", "followup"])
async def test_every_turn_frame_barges_in(serving: Serving, kind: str) -> None:
    async with serving(talks(20)) as place, place.connected() as client:
        await _talking(client)
        await client.say(kind, "r-2", {"user_utterance": "hi", "analysis_text": "a cat"})
        frames = await client.until("done")
        terminal = [frame for frame in frames if frame["type"] in ("cancelled", "done", "error")]
        assert [(frame["type"], frame["request_id"]) for frame in terminal] == [("cancelled", "r-1"), ("done", "r-2")]


async def test_a_volley_of_barge_ins_gives_every_turn_its_one_end(serving: Serving) -> None:
    async with serving(talks(20, 0.01)) as place, place.connected() as client:
        await client.start("r-0")
        for number in range(1, 20):
            await client.message(f"r-{number}")
        frames = await client.until("done")
        ends = [(frame["type"], frame["request_id"]) for frame in frames if frame["type"] in ("cancelled", "done")]
        assert ends == [*(("cancelled", f"r-{number}") for number in range(19)), ("done", "r-19")]
        acks = [frame["request_id"] for frame in frames if frame["type"] == "ack"]
        assert acks == [f"r-{number}" for number in range(20)]
        await place.until_idle_engine()


async def test_an_interrupted_turn_without_text_leaves_its_question_unanswered(serving: Serving) -> None:
    async with serving(talks(20)) as place, place.connected() as client:
        place.engine.stalled = True
        await client.start("r-1", "remember green")
        await client.message("r-2", "and blue")
        await client.until("cancelled")
        place.engine.stalled = False
        await client.until("done")
        prompt = place.prompt()
        assert "remember green\n\nand blue" in prompt, "unanswered user messages merge"


async def test_an_end_in_the_middle_of_a_turn_says_goodbye_and_aborts_without_a_frame(serving: Serving) -> None:
    async with serving(talks()) as place, place.connected() as client:
        await _talking(client)
        await client.say("end", "bye")
        assert (await client.closed())[0] == 1000
        last = client.seen[-1]
        assert (last["type"], last["request_id"]) == ("session_end", "bye")
        assert last["payload"] == {"reason": "client_request"}
        assert "cancelled" not in kinds_of(client.seen)
        assert len(place.engine.aborted) == 1
        await place.until_idle()


async def test_an_end_needs_no_session_and_takes_any_session_id(serving: Serving) -> None:
    async with serving(says("Yes.")) as place:
        async with place.connected() as client:
            await client.say("end", "bye")
            assert await client.closed() == (1000, "client_request")
        async with place.connected() as client:
            await client.start()
            await client.rest()
            client.session_id = "another"
            await client.say("end", "bye")
            assert (await client.closed())[0] == 1000
            assert client.seen[-1]["session_id"] == "another"


async def test_a_client_that_vanishes_in_a_turn_leaves_nothing_behind(serving: Serving) -> None:
    async with serving(talks()) as place:
        async with place.connected() as client:
            await _talking(client)
            await trio.aclose_forcefully(client.socket._stream)
        await place.until_idle()
        assert len(place.engine.aborted) == 1
        assert place.actor.stats().aborts["disconnect"] == 1


async def test_pings_are_answered_while_a_turn_runs(serving: Serving) -> None:
    async with serving(talks(150)) as place, place.connected() as client:
        await _talking(client)
        await client.say("ping", "p-1")
        frames = await client.until("pong")
        assert frames[-1]["request_id"] == "p-1"
        assert set(kinds_of(frames)) <= {"token", "pong"}, "the reply goes on"
        with trio.fail_after(5):
            await client.socket.ping(b"transport")
        assert (await client.rest())[-1]["type"] == "done"
