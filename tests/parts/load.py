"""Clients of every kind at a whole server: they talk, interrupt, cancel, vanish, are refused, say nonsense."""

import os
import signal
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import trio

from engines import processes
from engines.trt.workers import is_worker
from tests.e2e import houses
from tests.e2e.client import Client, connected
from tests.e2e.program import Program
from tooling.demo import tool

LIMIT_S = 120.0
SCREEN = "what does my screen show?"
SMALL_TALK = "do you like the rain?"
MESSAGES_A_WINDOW = 10

Role = Callable[[Client], Awaitable[None]]


def environment(directory: Path) -> dict[str, str]:
    """A server with a chat engine whose worker is a process of its own (TensorRT-LLM's stand-in) and a tool model."""
    home = Path(os.environ.get("YAP_HOME", "~/.cache/yap")).expanduser()  # noqa: TID251 - shared with `just demo`
    return houses.standing_in(directory) | {
        "DEPLOY_MODE": "both",
        "TOOL_MODEL": str(tool.ensure(home, print)),
        "WS_MAX_MESSAGES_PER_WINDOW": str(MESSAGES_A_WINDOW),
        "CHAT_MAX_OUT": "300",
        "TRT_BATCH_SIZE": "16",
    }


async def talk(client: Client) -> None:
    """A turn that is left alone, and a proper end."""
    await client.start("t-1", SMALL_TALK)
    await client.rest()
    await client.say("end", "t-2")
    await client.until("session_end")


async def look(client: Client) -> None:
    """A turn that needs a look at the screen."""
    await client.start("l-1", SCREEN)
    await client.rest()


async def barge_in(client: Client) -> None:
    """A reply that is talked into."""
    await client.start("b-1", SMALL_TALK)
    await client.until("token")
    await client.message("b-2", SMALL_TALK)
    await client.rest()
    await client.rest()


async def cancel(client: Client) -> None:
    """A reply that is stopped."""
    await client.start("c-1", SMALL_TALK)
    await client.until("token")
    await client.say("cancel", "c-1")
    await client.rest()


async def vanish(client: Client) -> None:
    """A reply that nobody is there to hear."""
    await client.start("v-1", SMALL_TALK)
    await client.until("token")


async def end(client: Client) -> None:
    """A session that ends within a reply."""
    await client.start("e-1", SMALL_TALK)
    await client.until("token")
    await client.say("end", "e-2")
    await client.until("session_end")


async def be_rude(client: Client) -> None:
    """Nonsense, more of it than is allowed."""
    for number in range(MESSAGES_A_WINDOW + 1):
        await client.say("shout", f"r-{number}")
    while (await client.refusal())[0] != "rate_limited":
        pass


ROLES: tuple[Role, ...] = (talk, look, barge_in, cancel, vanish, end, be_rude)


async def everything(server: Program) -> None:
    """Every kind of client at once, one with a wrong key, and then the engine's death in a turn and its successor."""
    with trio.fail_after(LIMIT_S):
        async with trio.open_nursery() as nursery:
            for number, role in enumerate(ROLES):
                nursery.start_soon(_visit, server.port, f"s-{number}", role)
            nursery.start_soon(_be_turned_away, server.port)
        async with connected(server.port) as client:
            await client.start("k-1", SMALL_TALK)
            await client.until("token")
            lines = len(server.lines)
            processes.send([each for each in server.family() if is_worker(each)], signal.SIGKILL)
            await client.rest()
        # Not /readyz: the turn hears of its engine's death before the server has taken it down.
        await trio.to_thread.run_sync(partial(server.wait_for, "engine.ready", after=lines))
        await trio.to_thread.run_sync(server.wait_ready)
        await houses.until_empty(server.port)


async def _visit(port: int, session_id: str, role: Role) -> None:
    async with connected(port, session_id=session_id) as client:
        await role(client)


async def _be_turned_away(port: int) -> None:
    async with connected(port, "not the key") as client:
        await client.closed()


__all__ = ["environment", "everything"]
