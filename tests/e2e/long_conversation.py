"""`python -m tests.e2e.long_conversation --model M`: one session, hundreds of turns, many barge-ins, the real engine.

The server's own parts in one process, the client in memory, so that what the session remembers can be compared with
what the client heard. Prints one JSON line; exit status 1 if anything is not as it must be.
"""

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import trio
import trio.testing

from actors.connection import Connection
from engines.prompts.loading import load_chat_text
from runtime import assembly, logs
from runtime.chat_engine import plan_chat_engine
from runtime.health import Health
from runtime.settings import Settings
from runtime.supervisor import Supervisor
from runtime.surroundings import Surroundings, look_around
from tests.client import Client
from tests.memory import Memory, Remembered

SAYINGS = ("Hello, how are you?", "Tell me a story.", "Do you like rain?", "What is your name?", "I am a bit tired.")
WARM_TURNS = 40  # the first turns fill caches; memory is compared from there on


def settings_of(model: str) -> Settings:
    """The settings of the server under test: the default history limits, short replies, no rate limit."""
    return Settings.from_env(
        {
            "TEXT_API_KEY": "k-1",
            "MAX_CONCURRENT_CONNECTIONS": "2",
            "INFERENCE_ENGINE": "vllm",
            "CHAT_MODEL": model,
            "CHAT_MAX_OUT": "40",
            "CHAT_MAX_NUM_SEQS": "8",
            "CHAT_KV_CACHE_BYTES": "268435456",
            "ENFORCE_EAGER": "1",
            "WS_MAX_MESSAGES_PER_WINDOW": "0",
            "APP_LOG_LEVEL": "WARNING",
        }
    )


async def hold(settings: Settings, around: Surroundings, turns: int, share: float) -> dict[str, object]:
    """Serve, talk, compare. `share` of the turns is interrupted by the next one."""
    health = Health()
    parts = assembly.parts(settings, health)
    text = load_chat_text(settings.deployment.chat_model or "")
    plan = plan_chat_engine(settings, text, around)
    assert parts.chat is not None
    supervisor = Supervisor(plan.make, parts.chat, health, assembly.warmup_ids(text))
    client = Client()
    connection = assembly.Reception(parts, assembly.deployment(settings, text, None)).connect(client)
    memory = Memory(client)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(parts.chat.run)
        await nursery.start(supervisor.run)
        nursery.start_soon(connection.run)
        rss = await talk(client, turns, share)
        with trio.fail_after(10):
            await trio.testing.wait_all_tasks_blocked()  # until the last abort is handled
            await parts.chat.wait_aborts_confirmed()
            left = await parts.chat.unfinished()
        nursery.cancel_scope.cancel("all was said")
    expected, kept = memory.expected(), remembered(connection, client)
    ends = [account.end["type"] for account in client.referee.turns.values() if account.end is not None]
    return {
        "turns": len(client.referee.turns),
        "ends": {kind: ends.count(kind) for kind in sorted(set(ends))},
        "remembered": len(kept),
        "as_heard": kept == expected[-len(kept) :],
        "unfinished": left,
        "rss_growth_mb": round(rss, 1),
    }


async def talk(client: Client, turns: int, share: float) -> float:
    """Say everything; returns by how many MB the process grew after the first turns."""
    chance = random.Random(20)
    before = 0.0
    for number in range(turns):
        saying = chance.choice(SAYINGS)
        name = client.start(saying) if not number else client.say("message", user_utterance=saying)
        with trio.fail_after(60):
            if chance.random() < share and number + 1 < turns:
                await client.next("token", name)
                await trio.sleep(chance.random() * 0.05)
            else:
                await client.end_of(name)
        if number == WARM_TURNS:
            before = resident_mb()
    return resident_mb() - before


def remembered(connection: Connection, client: Client) -> list[Remembered]:
    """What the session's history holds, as the model of it writes it down."""
    actor = connection.actor
    names = list(client.referee.turns)
    return [
        Remembered(names[message.turn - 1], message.role, message.text, message.prefix, message.interrupted)
        for message in actor.memory.history.messages
    ]


def resident_mb() -> float:
    """Resident memory of this process (proc(5): the second field of statm, in pages)."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main(argv: Sequence[str]) -> int:
    """Hold the conversation, print what was seen."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.long_conversation", description=hold.__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--turns", type=int, default=200)
    parser.add_argument("--barge-in", type=float, default=0.3)
    options = parser.parse_args(argv)
    settings = settings_of(options.model)
    environ = os.environ  # noqa: TID251 - an entry module
    logs.configure(settings, environ)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="yap-") as scratch:
        around = look_around(settings, environ, Path(scratch))
        seen: Mapping[str, object] = trio.run(hold, settings, around, options.turns, options.barge_in)
    print(json.dumps({**seen, "seconds": round(time.perf_counter() - started, 1)}))
    return 0 if seen["as_heard"] and seen["unfinished"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
