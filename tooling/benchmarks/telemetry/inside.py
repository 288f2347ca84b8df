"""`python -m tooling.benchmarks.telemetry.inside MODEL TOKENS TURNS`: sessions without sockets, for what sockets hide.

Real sessions and engine actor in one loop, tokens delivered as an engine's steps deliver them; what would go to a
client's socket is forgotten. The settings are in the environment, as for `python -m runtime`. Prints, for each round of
turns, microseconds of CPU a token while replies flow, and a turn beside that (frame, prompt, end, and whatever
telemetry sends meanwhile: all threads count).
"""

import gc
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import structlog
import trio
from attrs import define, field

from actors.connection import Connection
from engines.base import Deliver, Delta, EngineInfo, Finished, FinishReason, GenerationRequest, Progress, Usage
from engines.prompts.loading import load_chat_text
from engines.scripted import ScriptedEngine
from runtime import assembly
from runtime.health import Health
from runtime.process import YOUNG_OBJECTS
from runtime.settings import Settings
from runtime.telemetry.gpus import GpuReadings
from runtime.telemetry.readings import Readings
from runtime.telemetry.recorder import Model
from runtime.telemetry.switchboard import open_telemetry
from tooling.usage import answer_help

SESSIONS = 64
WARM_ROUNDS = 2


class Nowhere:
    """A socket that takes everything and says nothing."""

    free = True

    def send_now(self, frames: Sequence[bytes]) -> bool:
        """Forget them."""
        return True

    async def send(self, frames: Sequence[bytes]) -> None:
        """Forget them."""
        await trio.lowlevel.checkpoint()

    async def close(self, code: int, reason: str) -> None:
        """Be closed."""
        await trio.lowlevel.checkpoint()

    async def wait_closed(self) -> None:
        """It is, if somebody asks."""
        await trio.lowlevel.checkpoint()

    async def receive(self) -> str | bytes:
        """Nothing comes: frames are handed in."""
        await trio.sleep_forever()
        raise AssertionError


@define(eq=False)
class Mute(ScriptedEngine):
    """Takes requests, and says nothing by itself."""

    asked: list[str] = field(factory=list)
    all_asked: trio.Event = field(factory=trio.Event)
    way_back: Deliver | None = None

    async def open(self, deliver: Deliver, progress: Progress) -> EngineInfo:
        """Keep the way back."""
        self.way_back = deliver
        await trio.lowlevel.checkpoint()
        return EngineInfo(name="mute", max_running=SESSIONS, max_model_len=8192)

    def submit(self, request: GenerationRequest) -> None:
        """Note it."""
        self.asked.append(request.id)
        if len(self.asked) == SESSIONS:
            self.all_asked.set()


@define(eq=False)
class Stage:
    """Sessions of one server. `say`: what each of them hears from its client."""

    connections: list[Connection]
    engine: Mute
    clock: Callable[[], float] = trio.current_time

    async def round(self, number: int, tokens: int) -> tuple[float, float]:
        """One turn of every session; microseconds a token, and a turn beside."""
        self.engine.asked, self.engine.all_asked = [], trio.Event()
        began = time.process_time()
        for connection in self.connections:
            event = connection.gate.read(_frame(number), self.clock())
            assert event is not None
            connection.actor.inbox.deliver(event)
        await self.engine.all_asked.wait()
        deliver, asked = self.engine.way_back, self.engine.asked
        assert deliver is not None
        flowing = time.process_time()
        for _ in range(tokens):
            deliver([(name, Delta(" word", 1, 0)) for name in asked])
        flowed = time.process_time()
        deliver([(name, Finished(FinishReason.STOP, Usage(100, tokens, 0))) for name in asked])
        for connection in self.connections:
            await connection.actor.wait_settled()
        ended, sessions = time.process_time(), len(self.connections)
        beside = (ended - began - (flowed - flowing)) / sessions
        return (flowed - flowing) / sessions / tokens * 1e6, beside * 1e6


def _frame(number: int) -> str:
    said: dict[str, object] = {"user_utterance": "and then?"}
    if number == 0:
        said["chat_prompt"] = "Be kind and brief."
    kind = "message" if number else "start"
    return json.dumps({"type": kind, "session_id": "s", "request_id": f"r{number}", "payload": said})


async def measure(settings: Settings, model: Path, tokens: int, turns: int) -> list[tuple[float, float]]:
    """The rounds."""
    telemetry = open_telemetry(settings, Model("scripted", "tiny"))
    health = Health()
    parts = assembly.parts(settings, health, telemetry.observer)
    assert parts.chat is not None
    site = assembly.deployment(settings, load_chat_text(str(model)), None)
    reception = assembly.Reception(parts, site)
    engine = Mute()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(parts.chat.run)
        info = await engine.open(parts.chat.deliver, print)
        parts.chat.attach(engine, info.max_running)
        parts.chat.ready()
        readings = Readings(health, lambda: SESSIONS, list, GpuReadings([]), parts.chat)
        nursery.start_soon(telemetry.run, readings)
        connections = [reception.connect(Nowhere()) for _ in range(SESSIONS)]
        for connection in connections:
            await nursery.start(connection.actor.run)
        stage = Stage(connections, engine)
        gc.freeze()
        gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])  # as the server does once it is ready
        rounds = [await stage.round(number, tokens) for number in range(WARM_ROUNDS + turns)]
        nursery.cancel_scope.cancel()
    await telemetry.close()
    return rounds[WARM_ROUNDS:]


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Measure; the rounds as JSON."""
    model, tokens, turns = argv
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())  # what writing lines costs is not asked here
    print(json.dumps(trio.run(measure, Settings.from_env(environ), Path(model), int(tokens), int(turns))))
    return 0


if __name__ == "__main__":
    answer_help(__doc__, sys.argv[1:])
    sys.exit(main(sys.argv[1:], os.environ))  # noqa: TID251 - an entry module
