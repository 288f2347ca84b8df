"""A process in which one real vLLM engine serves family after family, each behind a whole server of its own.

An engine sees ids and nothing else of a family but the text of its tokens, and the families of one build have the same
ids for the same texts (`models.common_tokenizer`). So one start, which takes twenty seconds of two cores, does for all.
"""

import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import trio
from attrs import define

from engines.base import Deliver, Engine, EngineInfo, GenerationRequest, Output, Progress
from engines.prompts.chat import ChatText
from engines.prompts.loading import load_chat_text
from engines.vllm import apply_library_env
from runtime import assembly
from runtime.chat_engine import plan_chat_engine
from runtime.health import Health
from runtime.settings import Settings
from runtime.supervisor import Supervisor
from runtime.surroundings import Surroundings
from tests.e2e.client import Frame
from tests.families.models import COMMON
from tests.families.playing import Line, play
from tests.passing_on import PassesOn

PROGRAMME = "programme.json"
PLAYED = "played.json"


@define(eq=False)
class Shared(PassesOn):
    """An open engine for one server after the other: opening it again only says who listens."""

    info: EngineInfo | None = None
    listener: Deliver | None = None

    def deliver(self, batch: Sequence[tuple[str, Output]]) -> None:
        """The real engine's `deliver`."""
        if self.listener is not None:
            self.listener(batch)

    async def open(self, deliver: Deliver, _progress: Progress) -> EngineInfo:
        """See `Engine.open`."""
        await trio.lowlevel.checkpoint()
        assert self.info is not None
        self.listener = deliver
        return self.info

    def submit(self, request: GenerationRequest) -> None:
        """See `Engine.submit`."""
        self.engine.submit(request)

    async def close(self) -> None:
        """Nobody listens any more; the engine itself goes on."""
        await trio.lowlevel.checkpoint()
        self.listener = None


@asynccontextmanager
async def serving(settings: Settings, text: ChatText, engine: Engine) -> AsyncIterator[int]:
    """The port of a ready server over this engine."""
    parts = assembly.parts(settings, Health())
    assert parts.chat is not None
    server = assembly.server(parts)
    supervisor = Supervisor(lambda: engine, parts.chat, parts.health, assembly.warmup_ids(text))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(parts.chat.run)
        port: int = await nursery.start(server.serve, "127.0.0.1", 0)
        server.connect = assembly.Reception(parts, assembly.deployment(settings, text, None)).connect
        await nursery.start(supervisor.run)
        try:
            yield port
        finally:
            nursery.cancel_scope.cancel("the replies are played")


async def perform(directory: Path, around: Surroundings) -> dict[str, dict[str, list[list[Frame]]]]:
    """What was played, by family. `directory`: models, and a programme of what is to be played."""
    programme = json.loads((directory / PROGRAMME).read_text())
    settings = {name: Settings.from_env(given["environment"]) for name, given in programme.items()}
    texts = {
        name: load_chat_text(str(directory / name), enable_thinking=each.chat.template_enable_thinking)
        for name, each in settings.items()
    }
    first = next(iter(programme))
    common = Settings.from_env({**programme[first]["environment"], "CHAT_MODEL": str(directory / COMMON)})
    shared = Shared(plan_chat_engine(common, texts[first], around).make())
    played = {}
    try:
        shared.info = await shared.engine.open(shared.deliver, lambda _line: None)
        for name, given in programme.items():
            async with serving(settings[name], texts[name], shared) as port:
                played[name] = await play(port, texts[name], [Line(**line) for line in given["lines"]])
    finally:
        await shared.engine.close()
    return played


def main() -> None:
    """`python -m tests.families.stage DIRECTORY`."""
    directory = Path(sys.argv[1])
    error_log = directory / "errors.log"
    os.environ["HF_HUB_OFFLINE"] = "1"  # noqa: TID251 - an entry module
    mark = apply_library_env(os.environ, gpu=False, error_log=error_log)  # noqa: TID251 - an entry module
    played = trio.run(perform, directory, Surroundings(mark=mark, error_log=error_log))
    (directory / PLAYED).write_text(json.dumps(played))


if __name__ == "__main__":
    main()
