"""The session suite for every engine: the protocol's orders over a whole server, whatever the model says.

Protocol, sections 4, 5, 6 and 8. Three engines: the scripted one, TensorRT-LLM's stand-in and real vLLM on the CPU, the
latter two in a process of their own that all tests share. A referee sees every frame.
"""

import random
from collections.abc import Iterator
from functools import partial

import pytest
import trio

from tests.e2e import houses
from tests.e2e.client import kinds_of, text_of
from tests.e2e.houses import AT_ONCE, Visit
from tests.e2e.program import Program, assert_nothing_left
from tests.e2e.watched import RAW, Chatterbox, Watched, watched

LIMIT_S = 240


def _running(environment: dict[str, str]) -> Iterator[Program]:
    program = Program(environment, yields=True)
    try:
        yield program.wait_ready(houses.START_S)
    finally:
        program.bury()
        assert_nothing_left(program.pid)


@pytest.fixture(scope="module")
def trt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """A server over TensorRT-LLM's stand-in."""
    yield from _running(houses.standing_in(tmp_path_factory.mktemp("trt")))


@pytest.fixture(scope="module")
def vllm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """A server over real vLLM."""
    yield from _running(houses.real(tmp_path_factory.mktemp("vllm")))


@pytest.fixture(params=["scripted", "trt", pytest.param("vllm", marks=pytest.mark.engine)])
def house(request: pytest.FixtureRequest) -> Visit:
    """A server with each engine."""
    if request.param == "scripted":
        return houses.scripted
    return partial(houses.visited, request.getfixturevalue(request.param), {"trt": 60, "vllm": 400}[request.param])


async def test_a_chat_turn_and_a_followup_have_their_frames_and_true_counts(house: Visit) -> None:
    with trio.fail_after(LIMIT_S):
        async with house() as place, watched(place.port) as client:
            await client.start("r-1", "hello", **RAW)
            turns = [await client.rest()]
            await client.say("followup", "f-1", {"analysis_text": "a cat"})
            turns.append(await client.rest())
            for frames in turns:
                assert kinds_of(frames) == ["ack", "token", "final", "done"]
                done = frames[-1]["payload"]
                assert done["finish_reason"] == "length"
                assert done["usage"]["completion_tokens"] == place.tokens
                assert len([frame for frame in frames if frame["type"] == "token"]) > 5, "it streams"
                assert done["timings"]["ttft_ms"] < done["timings"]["total_ms"]
            await client.settles()


@pytest.mark.parametrize("cancel_id", ["r-1", "never-used"])
async def test_a_cancel_stops_its_turn_and_nothing_more_is_said_of_it(house: Visit, cancel_id: str) -> None:
    with trio.fail_after(LIMIT_S):
        async with house() as place, watched(place.port) as client:
            await client.say("cancel", "c-0")
            assert (await client.expect("cancelled", "c-0"))["payload"]["reason"] == "not_running"
            await client.streams("r-1")
            await client.say("cancel", cancel_id, {"reason": "user_spoke"})
            cancelled = (await client.rest())[-1]
            assert (cancelled["type"], cancelled["request_id"]) == ("cancelled", cancel_id)
            assert (cancelled["payload"]["turn"], cancelled["payload"]["reason"]) == ("r-1", "user_spoke")
            assert 1 <= cancelled["payload"]["usage"]["completion_tokens"] < place.tokens
            await client.quiet(0.3)
            await place.empty()
            await client.say("cancel", "r-1")
            assert (await client.expect("cancelled", "r-1"))["payload"]["reason"] == "not_running"
            await client.message("r-2")
            assert (await client.rest())[-1]["type"] == "done"
            await client.settles()


async def test_a_cancel_for_a_turn_that_has_ended_leaves_the_running_one_alone(house: Visit) -> None:
    with trio.fail_after(LIMIT_S):
        async with house() as place, watched(place.port) as client:
            await client.streams("r-1")
            await client.say("cancel", "r-1")
            await client.rest()
            await client.streams("r-2")
            await client.say("cancel", "r-1")
            assert (await client.until("cancelled"))[-1]["payload"]["reason"] == "not_running"
            done = (await client.rest())[-1]
            assert (done["type"], done["payload"]["usage"]["completion_tokens"]) == ("done", place.tokens)


@pytest.mark.parametrize("kind", ["start", "message", "followup"])
async def test_every_turn_frame_barges_in_and_the_old_turn_ends_first(house: Visit, kind: str) -> None:
    with trio.fail_after(LIMIT_S):
        async with house() as place, watched(place.port) as client:
            await client.streams("r-1")
            await client.say(kind, "r-2", {"user_utterance": "listen", "analysis_text": "a cat"})
            cancelled, ack = (await client.until("ack"))[-2:]
            assert (cancelled["type"], cancelled["request_id"]) == ("cancelled", "r-1")
            assert cancelled["payload"]["reason"] == "barge_in"
            assert ack["request_id"] == "r-2"
            rest = await client.rest()
            assert kinds_of(rest) == ["token", "final", "done"]
            assert {frame["request_id"] for frame in rest} == {"r-2"}
            await client.settles()
            await place.empty()


async def test_a_volley_of_barge_ins_before_any_token_gives_every_turn_its_one_end(house: Visit) -> None:
    with trio.fail_after(LIMIT_S):
        async with house() as place, watched(place.port) as client:
            await client.start("r-0", "hello", **RAW)
            for number in range(1, 15):
                await client.message(f"r-{number}")
            await client.settles()
            ends = {name: turn.end for name, turn in client.referee.turns.items()}
            assert list(ends) == [f"r-{number}" for number in range(15)]
            kinds = [end["type"] for end in ends.values() if end is not None]
            assert kinds == [*["cancelled"] * 14, "done"]
            await place.empty()


async def test_what_is_refused_leaves_the_running_turn_alone(house: Visit) -> None:
    wrong: tuple[tuple[dict[str, object], str], ...] = (
        ({"sampling": {"temperature": 9}}, "temperature_out_of_range"),
        ({"sampling": "hot"}, "invalid_sampling_payload"),
        ({"user_utterance": " "}, "missing_user_utterance"),
        ({"played": 1}, "invalid_played"),
    )
    with trio.fail_after(LIMIT_S):
        async with house() as place, watched(place.port) as client:
            await client.streams("r-1")
            for number, (payload, _) in enumerate(wrong):
                await client.say("message", f"bad-{number}", {"user_utterance": "hi", **payload})
            await client.message("r-1")
            for number in range(25):  # an unknown type counts as a turn frame
                await client.say("garbage", f"g-{number}")
            frames = await client.until("done")
            reasons = [frame["payload"]["details"]["reason_code"] for frame in frames if frame["type"] == "error"]
            assert reasons[:5] == [*(reason for _, reason in wrong), "duplicate_request_id"]
            assert set(reasons[5:]) == {"unknown_message_type", "message_rate_limited"}
            assert len(reasons) == 30
            assert frames[-1]["payload"]["usage"]["completion_tokens"] == place.tokens
            await client.settles()


async def test_a_later_start_is_served_and_told_that_its_persona_came_too_late(house: Visit) -> None:
    with trio.fail_after(LIMIT_S):
        async with house() as place, watched(place.port) as client:
            await client.streams("r-1")
            await client.start("r-2", "again", gender="male")
            ack = (await client.until("ack"))[-1]
            assert ack["payload"] == {"for": "start", "ok": True, "persona": "locked"}
            assert (await client.rest())[-1]["type"] == "done"


async def test_an_imported_history_is_counted_and_prompts_the_engine(house: Visit) -> None:
    history = [
        {"role": role, "content": f"{role} says {number}"} for number in range(5) for role in ("user", "assistant")
    ]
    with trio.fail_after(LIMIT_S):
        async with house() as place, watched(place.port) as bare, watched(place.port) as full:
            await bare.start("r-1", "hello", **RAW)
            await full.start("r-1", "hello", history=history, **RAW)
            counts = (await full.expect("ack"))["payload"]["history"]
            assert (counts["input_messages"], counts["input_turns"], counts["retained_turns"]) == (10, 5, 5)
            ends = [(await client.rest())[-1]["payload"]["usage"]["prompt_tokens"] for client in (bare, full)]
            assert ends[0] + 50 < ends[1]


async def test_what_was_not_heard_is_not_in_the_next_prompt(house: Visit) -> None:
    with trio.fail_after(LIMIT_S):
        async with house() as place, watched(place.port) as client:
            await client.streams("r-1")
            await client.message("r-2", "stop", played={"request_id": "r-1", "chars": 2})
            frames = await client.until("done")
            (ack,) = [frame for frame in frames if frame["type"] == "ack"]
            assert ack["payload"]["played"] == "applied"
            assert text_of([frame for frame in frames if frame["request_id"] == "r-2"])
            long = frames[-1]["payload"]["usage"]["total_tokens"]
            await client.message("r-3", "stop", played={"request_id": "r-2", "chars": 0})
            frames = await client.rest()
            assert frames[0]["payload"]["played"] == "applied"
            assert frames[-1]["payload"]["usage"]["prompt_tokens"] < long
            await client.say("cancel", "c-1", {"played": {"request_id": "nobody", "chars": 1}})
            assert (await client.expect("cancelled"))["payload"]["played"] == "unknown_turn"


async def test_a_growing_conversation_is_found_in_the_prefix_cache(house: Visit) -> None:
    with trio.fail_after(LIMIT_S):
        async with house() as place, watched(place.port) as client:
            usages = []
            for number in range(4):
                text = f"question {number} " + "and the rain will stop soon " * 12
                await (client.message(f"r-{number}", text) if number else client.start("r-0", text, **RAW))
                usages.append((await client.rest())[-1]["payload"]["usage"])
            cached, prompts = ([usage[key] for usage in usages] for key in ("cached_tokens", "prompt_tokens"))
            assert prompts == sorted(set(prompts)), "every turn adds to the prompt"
            assert all(0 <= hit < prompt for hit, prompt in zip(cached, prompts, strict=True))
            if place.caches:  # whole blocks are cached, of 128 tokens at most
                assert all(hit > prompt - 129 for hit, prompt in zip(cached[1:], prompts[:-1], strict=True))
                assert cached == sorted(set(cached)), "and to the hits"


async def test_an_end_in_a_turn_and_a_client_that_vanishes_free_the_engine(house: Visit) -> None:
    with trio.fail_after(LIMIT_S):
        async with house() as place:
            async with watched(place.port) as client:
                await client.streams()
                await client.say("end", "bye")
                assert await client.closed() == (1000, "client_request")
                assert client.seen[-1]["payload"] == {"reason": "client_request"}
                assert client.referee.over
                assert "cancelled" not in kinds_of(client.seen)
            async with watched(place.port) as client:
                await client.streams()
                await trio.aclose_forcefully(client.socket._stream)
            await place.empty()


async def test_two_sessions_with_the_same_ids_do_not_disturb_each_other(house: Visit) -> None:
    with trio.fail_after(LIMIT_S):
        async with house() as place, watched(place.port) as one, watched(place.port) as two:
            await one.streams("r-1")
            await two.streams("r-1")
            await two.say("cancel", "r-1")
            assert (await two.rest())[-1]["payload"]["turn"] == "r-1"
            await two.say("end", "bye")
            await two.closed()
            done = (await one.rest())[-1]
            assert (done["type"], done["payload"]["usage"]["completion_tokens"]) == ("done", place.tokens)
            await one.settles()


async def test_more_turns_than_run_at_once_wait_and_are_all_served_but_the_one_that_is_cancelled(house: Visit) -> None:
    async def talk(place: houses.House, number: int) -> None:
        async with watched(place.port, f"s-{number}") as client:
            await client.start("r-1", f"number {number}", **RAW)
            if number == AT_ONCE + 1:
                await client.expect("ack")
                await client.say("cancel", "c-1")
            end = (await client.rest())[-1]
            assert end["type"] == ("cancelled" if number == AT_ONCE + 1 else "done")
            await client.settles()

    with trio.fail_after(LIMIT_S):
        async with house() as place:
            async with trio.open_nursery() as nursery:
                for number in range(AT_ONCE + 3):
                    nursery.start_soon(talk, place, number)
            await place.empty()


@pytest.mark.parametrize("seed", [1, 2])
async def test_random_talk_of_several_clients_never_breaks_a_rule(house: Visit, seed: int) -> None:
    async def chat(place: houses.House, number: int) -> None:
        async with watched(place.port, f"s-{number}") as client:
            await Chatterbox(client, random.Random(100 * seed + number)).talk(40)
            await _forgets_nothing(client)

    with trio.fail_after(LIMIT_S):
        async with house() as place:
            async with trio.open_nursery() as nursery:
                for number in range(AT_ONCE):
                    nursery.start_soon(chat, place, number)
            await place.empty()


async def _forgets_nothing(client: Watched) -> None:
    """Every acked turn of the conversation has its end."""
    turns = client.referee.turns
    assert len(turns) > 3
    assert all(turn.end is not None for turn in turns.values())
