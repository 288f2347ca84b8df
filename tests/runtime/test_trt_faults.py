"""TensorRT-LLM breaks under the whole server: workers that are killed, stopped or hang, and a library that gives up.

On the stand-in, whose worker is a real process; with both backends where they could differ. The library itself notices
none of this.
"""

import json
import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import structlog
import trio

from engines import processes
from tests.e2e.client import Client, Frame, kinds_of, text_of
from tests.engines.trt.conftest import write_engine
from tests.engines.trt.library import standing_in
from tests.runtime import serving as place_of
from tests.runtime.follower import FollowsScript
from tests.runtime.serving import Place, Serving, says, talks
from tests.toy import write_toy_model

LONG = 8192


@pytest.fixture
def serving() -> Iterator[Serving]:
    """Serves a checkpoint over the stand-in."""
    with standing_in():
        yield partial(place_of.serving, kind="trt")


@pytest.fixture(params=["engine", "pytorch"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """Settings for a compiled engine, and for none."""
    if request.param == "pytorch":
        return {}
    built = {"max_input_len": LONG, "max_seq_len": LONG, "max_batch_size": 8}
    return {"TRT_ENGINE_DIR": str(write_engine(tmp_path / "engine", metadata={}, **built))}


def _follower(place: Place) -> FollowsScript:
    assert isinstance(place.engine, FollowsScript)
    return place.engine


async def _talking(client: Client, text: str = "remember blue") -> list[Frame]:
    await client.start("r-1", text)
    return await client.until("token")


async def _fails(client: Client) -> Frame:
    frames = await client.rest()
    payload = frames[-1]["payload"]
    assert (payload["code"], payload["details"]["reason_code"]) == ("internal_error", "engine_error")
    assert frames[-1]["request_id"] == "r-1"
    await client.answers_pings()
    return frames[-1]


async def _goes_on(place: Place, client: Client) -> None:
    """The next turn is served, by the next engine, and remembers the one that failed."""
    await place.until_restarted()
    await client.message("r-2", "what was it")
    assert (await client.rest())[-1]["type"] == "done"
    assert "remember blue" in place.prompt()
    assert place.actor.stats().unconfirmed_aborts == 0


async def test_a_worker_that_dies_ends_its_turns_and_the_sessions_go_on_with_the_next_one(
    serving: Serving, backend: dict[str, str]
) -> None:
    with structlog.testing.capture_logs() as logs, trio.fail_after(120):
        async with serving(talks(60), **backend) as place:
            async with place.connected() as one, place.connected(session_id="s-2") as two:
                await _talking(one)
                await _talking(two)
                first = _follower(place)
                first.die()
                for client in (one, two):
                    error = await _fails(client)
                    assert 1 <= error["payload"]["usage"]["completion_tokens"] < 60
                assert place.server.health.reason() is not None
                await _goes_on(place, one)
                await _goes_on(place, two)
                assert _follower(place).pids != first.pids
            second = _follower(place)
    assert len(place.engines) == 2
    assert [processes.identify(pid) for pid in (*first.pids, *second.pids)] == [None, None]
    (died,) = [line for line in logs if line["event"] == "engine.died"]
    assert f"process {first.pids[0]} is gone" in died["error"]


async def test_a_worker_that_dies_while_an_abort_is_on_its_way_leaves_nothing_unconfirmed(serving: Serving) -> None:
    with trio.fail_after(120):
        async with serving(talks(60)) as place, place.connected() as client:
            await _talking(client)
            place.engine.stalled = True
            await client.say("cancel", "c-1")
            assert (await client.rest())[-1]["type"] == "cancelled"
            assert place.actor.stats().unconfirmed_aborts == 1
            _follower(place).die()
            await _goes_on(place, client)


async def test_a_barge_in_at_the_moment_of_death_gives_both_turns_their_one_end(serving: Serving) -> None:
    with trio.fail_after(120):
        async with serving(talks(60)) as place, place.connected() as client:
            await _talking(client)
            _follower(place).die()
            await client.message("r-early", "listen")
            frames = await client.until("error", "done")
            ends = [(frame["type"], frame["request_id"]) for frame in frames if frame["type"] in ("cancelled", "error")]
            if ends == [("error", "r-1")]:  # the death was noticed first
                frames = await client.until("error")
                ends += [("error", frames[-1]["request_id"])]
            assert ends in ([("cancelled", "r-1"), ("error", "r-early")], [("error", "r-1"), ("error", "r-early")])
            await client.answers_pings()
            await _goes_on(place, client)


@pytest.mark.parametrize("stopped", [False, True], ids=["silent", "stopped"])
async def test_a_worker_that_hangs_with_an_abort_unanswered_is_replaced(serving: Serving, stopped: bool) -> None:
    with structlog.testing.capture_logs() as logs, trio.fail_after(120):
        async with serving(talks(60), CANCEL_GRACE_S="0.5") as place, place.connected() as client:
            await _talking(client)
            first = _follower(place)
            if stopped:
                first.die(signal.SIGSTOP)
            else:
                first.stalled = True
            await client.say("cancel", "c-1")
            assert (await client.rest())[-1]["payload"]["turn"] == "r-1", "the client never waits for the engine"
            await _goes_on(place, client)
    assert [processes.identify(pid) for pid in first.pids] == [None]
    (hung,) = [line for line in logs if line["event"] == "engine.hung"]
    assert "no confirmation of an abort" in hung["error"]


async def test_a_worker_that_was_stopped_for_a_moment_costs_nobody_a_turn(serving: Serving) -> None:
    with trio.fail_after(120):
        async with serving(talks(60), ENGINE_STALL_TIMEOUT_S="0.3") as place, place.connected() as client:
            await _talking(client)
            _follower(place).die(signal.SIGSTOP)
            while place.server.health.reason() is None:
                await trio.sleep(0.02)
            assert "is stopped" in str(place.server.health.reason())
            _follower(place).die(signal.SIGCONT)
            assert (await client.rest())[-1]["type"] == "done"
            while place.server.health.reason():
                await trio.sleep(0.02)
            assert len(place.engines) == 1


async def test_a_library_that_shut_itself_down_fails_the_next_turn_and_is_replaced(serving: Serving) -> None:
    # What it does after a "serious" error of one request: everything else is refused.
    with trio.fail_after(120):
        async with serving(says("Yes.")) as place, place.connected() as client:
            await client.start("r-0", "remember blue")
            await client.rest()
            first = _follower(place)
            first.shut_down()
            await client.message("r-1")
            await _fails(client)
            await _goes_on(place, client)
    assert [processes.identify(pid) for pid in first.pids] == [None]


async def test_a_restart_that_fails_is_tried_again_and_the_sessions_stay(serving: Serving, tmp_path: Path) -> None:
    with structlog.testing.capture_logs() as logs, trio.fail_after(120):
        async with serving(talks(30), CHAT_MODEL=str(write_toy_model(tmp_path))) as place, place.connected() as client:
            await _talking(client)
            (tmp_path / "standin.json").write_text(json.dumps({"complaint": "CUDA out of memory"}))
            _follower(place).die()
            await _fails(client)
            while not [line for line in logs if "CUDA out of memory" in str(line.get("error"))]:
                await trio.sleep(0.05)
            await client.answers_pings()
            await client.message("r-early")
            assert (await client.rest())[-1]["payload"]["details"]["reason_code"] == "engine_unavailable"
            (tmp_path / "standin.json").unlink()
            await _goes_on(place, client)


async def test_a_cancelled_turn_of_a_full_engine_lets_the_next_in_line_in(serving: Serving) -> None:
    with trio.fail_after(120):
        async with serving(talks(100), TRT_BATCH_SIZE="1") as place:
            async with place.connected() as one, place.connected(session_id="s-2") as two:
                await _talking(one)
                await two.start("r-1", "hi")
                await two.expect("ack")
                await two.quiet(0.2)
                await one.say("cancel", "c-1")
                assert (await one.rest())[-1]["type"] == "cancelled"
                assert kinds_of(await two.rest()) == ["token", "final", "done"]


async def test_a_compiled_engine_does_not_know_how_much_its_cache_had(
    serving: Serving, backend: dict[str, str]
) -> None:
    with trio.fail_after(120):
        async with serving(says("Yes", "."), **backend) as place, place.connected() as client:
            for number in range(2):
                text = "the rain will stop soon " * 10
                await (client.message("r-2", text) if number else client.start("r-1", text))
                done = (await client.rest())[-1]["payload"]
                assert text_of(client.seen).startswith("Yes.")
            known = done["usage"]["cached_tokens"]
            assert known is None if backend else known >= 32


async def test_a_server_that_ends_in_a_turn_leaves_no_worker(serving: Serving, backend: dict[str, str]) -> None:
    with trio.fail_after(120):
        async with serving(talks(150), **backend) as place, place.connected() as client:
            await _talking(client)
            (worker,) = _follower(place).pids
            assert processes.identify(worker) is not None
        assert processes.identify(worker) is None
        before = {process.pid for process in processes.descendants(os.getpid())}
        assert worker not in before
