"""`/healthz` says that the process lives; `/readyz` whether a turn would be served, and how things are."""

from typing import Any

import trio

from actors.engine import EngineActor, EngineLimits
from runtime import assembly
from runtime.health import Health
from runtime.settings import Settings
from tests.e2e.plain import fetch
from tests.runtime.serving import Place, Serving, says, talks
from tests.toy import toy_directory


async def readiness(port: int) -> tuple[int, dict[str, Any]]:
    reply = await fetch(port, "/readyz")
    return reply.status, reply.json


async def until(place: Place, state: str) -> tuple[int, dict[str, Any]]:
    """What `/readyz` says once the engine is in this state; the process is alive all the while."""
    with trio.fail_after(10):
        while True:
            assert (await fetch(place.port, "/healthz")).json == {"status": "ok"}
            status, body = await readiness(place.port)
            if body["engine"]["state"] == state:
                return status, body
            await trio.sleep(0.01)


async def test_a_ready_server_says_what_it_has_and_who_is_there(serving: Serving) -> None:
    async with serving(says("Yes."), MAX_CONCURRENT_CONNECTIONS="3") as place:
        empty = {
            "status": "ready",
            "draining": False,
            "engine": {"state": "ready", "pending": 0},
            "slots": {"taken": 0, "limit": 3},
        }
        assert await readiness(place.port) == (200, empty)
        async with place.connected() as client:
            await client.start()
            await client.rest()
            assert await readiness(place.port) == (200, {**empty, "slots": {"taken": 1, "limit": 3}})


async def test_a_full_server_is_ready_for_those_who_are_in(serving: Serving) -> None:
    async with serving(says("Yes."), MAX_CONCURRENT_CONNECTIONS="1") as place, place.connected() as client:
        await client.start()
        await client.rest()
        status, body = await readiness(place.port)
        assert (status, body["slots"]) == (200, {"taken": 1, "limit": 1})


async def test_a_server_that_loads_says_what_it_is_at() -> None:
    health = Health(progress="reading weights")
    actor = EngineActor(EngineLimits())
    health.chat = actor
    body = health.answer().body
    assert isinstance(body, dict)
    assert body["reason"] == "the chat engine is not up: reading weights"
    assert body["engine"] == {"state": "down", "progress": "reading weights"}


async def test_a_stalled_engine_says_since_when_and_what_waits(serving: Serving) -> None:
    async with serving(talks(200), ENGINE_STALL_TIMEOUT_S="0.3") as place, place.connected() as client:
        await client.start()
        await client.until("token")
        place.engine.stalled = True
        status, body = await until(place, "stalled")
        engine = body["engine"]
        assert (status, body["status"], engine["pending"]) == (503, "not_ready", 1)
        assert engine["trouble"] in body["reason"]
        assert engine["silent_s"] >= 0.3
        place.engine.stalled = False
        status, body = await until(place, "ready")
        assert (status, "trouble" in body["engine"], "reason" in body) == (200, False, False)


async def test_a_dead_engine_is_being_restarted(serving: Serving) -> None:
    async with serving(says("Yes.")) as place:
        place.engine.die()
        status, body = await until(place, "down")
        assert status == 503
        assert body["reason"] == f"the chat engine is not up: {body['engine']['progress']}"
        await place.until_restarted()
        assert (await readiness(place.port))[0] == 200


async def test_a_drain_is_told_with_everything_else(serving: Serving) -> None:
    async with serving(talks(40)) as place, place.connected() as client, trio.open_nursery() as nursery:
        await client.start()
        await client.until("token")
        nursery.start_soon(place.server.drain, 30.0)
        await trio.sleep(0.05)
        status, body = await readiness(place.port)
        assert (status, body["status"], body["reason"], body["draining"]) == (503, "not_ready", "shutting down", True)
        assert (body["engine"]["state"], body["engine"]["pending"], body["slots"]["taken"]) == ("ready", 1, 1)
        await client.rest()


def test_both_models_are_told_of_while_neither_is_up() -> None:
    both = {"DEPLOY_MODE": "both", "TOOL_MODEL": "owner/tool", "INFERENCE_ENGINE": "scripted"}
    keys = {"TEXT_API_KEY": "k-1", "MAX_CONCURRENT_CONNECTIONS": "1", "CHAT_MODEL": str(toy_directory())}
    health = Health(progress="reading weights", router_progress="importing torch")
    assembly.parts(Settings.from_env({**both, **keys}), health)
    assert health.reason() == ("the chat engine is not up: reading weights; the tool model is not up: importing torch")
    body = health.answer().body
    assert isinstance(body, dict)
    assert body["router"] == {"state": "down", "progress": "importing torch"}
    health.router_ready = True
    assert health.reason() == "the chat engine is not up: reading weights"
    ready = health.answer().body
    assert isinstance(ready, dict)
    assert ready["router"] == {"state": "ready"}


def test_without_a_chat_engine_there_is_none_to_tell_of() -> None:
    tool = {"DEPLOY_MODE": "tool", "TOOL_MODEL": "owner/tool", "TEXT_API_KEY": "k-1", "MAX_CONCURRENT_CONNECTIONS": "1"}
    settings, health = Settings.from_env(tool), Health()
    assembly.server(assembly.parts(settings, health))
    health.router_ready = True
    answer = health.answer()
    body = {"status": "ready", "draining": False, "router": {"state": "ready"}, "slots": {"taken": 0, "limit": 1}}
    assert (answer.status, answer.body) == (200, body)
