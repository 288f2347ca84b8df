"""A process whose engine cannot be kept alive says goodbye to its sessions and ends with the reason."""

from typing import Any, cast

import pytest
import trio

from engines.errors import EngineDead
from engines.scripted import ScriptedEngine
from runtime.back_off import MAX_FAILURES
from runtime.process import Process
from runtime.settings import Settings
from tests.e2e.client import Client, connected
from tests.toy import toy_directory


def _process() -> Process:
    return Process(
        Settings.from_env(
            {
                "DEPLOY_MODE": "chat",
                "INFERENCE_ENGINE": "scripted",
                "CHAT_MODEL": str(toy_directory()),
                "TEXT_API_KEY": "k-1",
                "MAX_CONCURRENT_CONNECTIONS": "4",
                "SERVER_BIND_HOST": "127.0.0.1",
                "SERVER_PORT": "0",
            }
        )
    )


async def _fail_for_the_last_time(process: Process) -> None:
    supervisor = process._supervisor
    assert supervisor is not None
    for _ in range(MAX_FAILURES - 1):
        supervisor._endurance.ends(trio.current_time())
    engine = supervisor.actor.watch.engine
    assert isinstance(engine, ScriptedEngine)
    engine.die("the GPU fell off the bus")


async def _sees_the_end(talking: Client, silent: Client) -> None:
    error = (await talking.rest())[-1]
    assert error["payload"]["details"]["reason_code"] == "engine_error"
    for client in (talking, silent):
        goodbye = await client.expect("session_end")
        assert goodbye["payload"]["reason"] == "server_shutdown"
        assert (await client.closed())[0] == 1001


async def test_the_last_failure_ends_turns_then_sessions_then_the_process_with_the_reason() -> None:
    process = _process()

    async def run(task_status: trio.TaskStatus[int]) -> None:
        dead = pytest.RaisesExc(EngineDead, match="fell off the bus")
        with pytest.RaisesGroup(dead, flatten_subgroups=True):
            await process.run(task_status)

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            port = await nursery.start(run)
            while process.health.reason() is not None:
                await trio.sleep(0.02)
            async with connected(port) as talking, connected(port, session_id="s-2") as silent:
                await silent.start()
                await silent.rest()
                await talking.start()
                await talking.until("token")
                await _fail_for_the_last_time(process)
                await _sees_the_end(talking, silent)


async def test_an_actor_that_crashes_ends_the_server_and_is_not_silent() -> None:
    process = _process()

    async def run(task_status: trio.TaskStatus[int]) -> None:
        with pytest.RaisesGroup(pytest.RaisesExc(AssertionError), flatten_subgroups=True):
            await process.run(task_status)

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            port = await nursery.start(run)
            while process.health.reason() is not None:
                await trio.sleep(0.02)
            async with connected(port) as client:
                await client.start()
                await client.until("token")
                assert process.health.chat is not None
                process.health.chat.mailbox.send_nowait(cast(Any, "nonsense"))
                await client.closed()
