"""One connection never reaches another: same ids, crashes, crowds that come and go. Nothing is left behind."""

import gc
import os
from pathlib import Path

import structlog
import trio

from engines.base import GenerationRequest
from engines.scripted import Script
from tests.e2e.client import Client, text_of
from tests.runtime.poison import WORDS, poisoned
from tests.runtime.serving import STEP_S, Place, Serving, prompt_text, says, talks


async def test_two_connections_with_one_session_id_never_see_each_other(serving: Serving) -> None:
    script = Script(
        step_s=STEP_S,
        reply=lambda request: ["Blue", "."] if "favour blue" in prompt_text(request) else ["Red", "."],
    )
    async with serving(script) as place, place.connected() as one, place.connected() as two:
        await one.start("r-1", "favour blue")
        await two.start("r-1", "favour red")
        assert text_of(await one.rest()) == "Blue."
        assert text_of(await two.rest()) == "Red."
        await two.say("cancel", "r-1")
        assert (await two.expect("cancelled"))["payload"]["reason"] == "not_running"
        await two.say("end", "bye")
        await two.closed()
        await one.message("r-2", "which")
        assert text_of(await one.rest()) == "Blue."
        assert "red" not in place.prompt()
        await one.answers_pings()


async def test_a_session_dies_with_its_connection(serving: Serving) -> None:
    async with serving(says("Yes.")) as place:
        async with place.connected() as client:
            await client.start("r-1", "my secret")
            await client.rest()
        async with place.connected() as client:
            await client.message("r-2")
            assert (await client.refusal())[:2] == ("invalid_message", "no_active_session")
            await client.start("r-1", "hello again")
            await client.rest()
            assert "secret" not in place.prompt()


CRASHES = 8


async def test_a_crash_in_one_session_costs_that_connection_and_nothing_else(serving: Serving) -> None:
    with structlog.testing.capture_logs() as logs:
        async with serving(talks(60), poisoned) as place, place.connected() as fine:
            await fine.start()
            await fine.until("token")
            for _ in range(CRASHES):  # how its tasks end is a matter of chance
                async with place.connected(session_id="s-2") as unlucky:
                    await unlucky.start("r-1", WORDS)
                    code, reason = await unlucky.closed()
                assert code == 1011
                assert [frame["type"] for frame in unlucky.seen if frame["type"] != "ack"] == ["error"]
                error = unlucky.seen[-1]
                assert (error["session_id"], error["request_id"]) == ("s-2", "r-1")
                assert error["payload"]["code"] == "internal_error"
                assert error["payload"]["details"]["reason_code"] == "internal_exception"
                assert error["payload"]["usage"]["total_tokens"] == 0, "it is its turn's terminal frame"
                assert "on purpose" not in str(unlucky.seen) + reason
            assert (await fine.rest())[-1]["type"] == "done"
            async with place.connected(session_id="s-2") as again:
                await again.start()
                assert (await again.rest())[-1]["type"] == "done"
    crashes = [line for line in logs if line["event"] == "session.crashed"]
    assert [line["log_level"] for line in crashes] == ["error"] * CRASHES


async def _visit(place: Place, number: int) -> None:
    """One way to come and go; there are six."""
    async with place.connected("wrong" if number % 6 == 5 else "k-1") as client:
        match number % 6:
            case 0:
                await client.start()
                await client.rest()
            case 1:
                await client.start()
                await client.expect("ack")
            case 2:
                await client.answers_pings()
                await client.say("end", "bye")
                await client.closed()
            case 3:
                await client.start()
                await trio.aclose_forcefully(client.socket._stream)
            case 4:
                await client.raw("nonsense")
            case 5:
                await client.refusal()


async def _visits(place: Place, first: int, count: int) -> None:
    limit = trio.CapacityLimiter(12)
    async with trio.open_nursery() as nursery:

        async def visit(number: int) -> None:
            async with limit:
                await _visit(place, number)

        for number in range(first, first + count):
            nursery.start_soon(visit, number)
    await place.until_idle()


def _open_files() -> int:
    return len(list(Path(f"/proc/{os.getpid()}/fd").iterdir()))


def _objects(place: Place) -> int:
    """Objects that Python's collector tracks, what the engine remembers for tests apart.

    And what trio remembers: it lets go of the deadlines of scopes that are over once there are a thousand of them.
    """
    place.engine.forget()
    trio._core._run.GLOBAL_RUN_CONTEXT.runner.deadlines._prune()
    gc.collect()
    return len(gc.get_objects())


async def test_a_thousand_visits_leave_tasks_files_and_memory_where_they_were(serving: Serving) -> None:
    async with serving(says("Yes", "."), AUTH_MAX_FAILURES="0") as place:
        await _visits(place, 0, 120)
        tasks, files, objects = trio.lowlevel.current_statistics().tasks_living, _open_files(), _objects(place)
        await _visits(place, 120, 1000)
        await trio.sleep(0.05)
        assert trio.lowlevel.current_statistics().tasks_living <= tasks
        assert _open_files() <= files
        assert _objects(place) < objects + 500, "less than one object in two visits, so none that a visit leaves"


async def test_a_crowd_is_served_at_once_and_each_gets_its_own_words(serving: Serving) -> None:
    def own_words(request: GenerationRequest) -> list[str]:
        words = prompt_text(request).partition("say ")[2].partition("<|")[0]
        return [words.strip().capitalize(), "."]

    async with serving(Script(step_s=0.01, reply=own_words), MAX_CONCURRENT_CONNECTIONS="64") as place:

        async def talk(number: int) -> None:
            word = "abcdefghij"[number % 10] * (number // 10 + 2)
            async with place.connected(session_id=f"s-{number}") as client:
                await client.start("r-1", f"say {word}", sampling={"sanitize_output": False})
                frames = await client.rest()
                assert text_of(frames) == f"{word.capitalize()}."
                assert {frame["session_id"] for frame in frames} == {f"s-{number}"}

        async with trio.open_nursery() as nursery:
            for number in range(16):
                nursery.start_soon(talk, number)
        await place.until_idle()


async def test_a_client_that_dawdles_in_the_handshake_takes_no_slot(serving: Serving) -> None:
    async with serving(says("Yes."), MAX_CONCURRENT_CONNECTIONS="1") as place:
        streams = [await trio.open_tcp_stream("127.0.0.1", place.port) for _ in range(20)]
        for stream in streams:
            await stream.send_all(b"GET /ws HTTP/1.1\r\nHost: a\r\n")
        async with place.connected() as client:
            await _serves(client)
        for stream in streams:
            await stream.aclose()


async def _serves(client: Client) -> None:
    await client.start()
    assert (await client.rest())[-1]["type"] == "done"
