"""Our server with its scripted engine, and clients that run against it in the same loop."""

import io
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, redirect_stderr, redirect_stdout
from typing import Any

import trio
from attrs import define, frozen

from actors.session.intake import Routing
from engines.base import GenerationRequest
from engines.scripted import Script
from tests.harness import ScriptedRouter
from tests.runtime.serving import STEP_S, Place, prompt_text, serving
from tooling.clients.program import Client, conduct

KEY = "k-1"
LIMIT_S = 60
SAID = (" Well,", " it", " rained", " all", " day.", " Did", " you", " sleep", " well?")


@frozen
class Ran:
    """What a client left behind."""

    code: int
    out: str
    err: str

    @property
    def last(self) -> str:
        """The last line of the report."""
        return self.out.splitlines()[-1]

    @property
    def document(self) -> dict[str, Any]:
        """What `--json` printed, all of it."""
        told: dict[str, Any] = json.loads(self.out)
        return told


@define
class House:
    """A running server. `router`: decides as its attributes say."""

    place: Place
    router: ScriptedRouter

    async def run(self, client: Client, *argv: str, **environ: str) -> Ran:
        """Run a client against it to its end."""
        out, err = io.StringIO(), io.StringIO()
        around = {"TEXT_API_KEY": KEY, "SERVER_WS_URL": f"127.0.0.1:{self.place.port}", **environ}
        with trio.fail_after(LIMIT_S), redirect_stdout(out), redirect_stderr(err):
            code = await conduct(client, argv, around)
        return Ran(code, out.getvalue(), err.getvalue())


def answering(*answers: tuple[str, str]) -> Callable[[GenerationRequest], list[str]]:
    """For `Script.reply`: the answer to the question that was asked last, else a remark on the weather."""

    def reply(request: GenerationRequest) -> list[str]:
        prompt = prompt_text(request)
        asked = {prompt.rfind(question): answer for question, answer in answers}
        last = max(asked, default=-1)
        return [f" {word}" for word in asked[last].split()] if last >= 0 and last > len(prompt) - 400 else list(SAID)

    return reply


@asynccontextmanager
async def house(mode: str = "chat", *answers: tuple[str, str], **settings: str) -> AsyncIterator[House]:
    """A server of that deploy mode. It may be talked to without pause."""
    script = Script(step_s=STEP_S, reply=answering(*answers))
    async with serving(script, WS_MAX_MESSAGES_PER_WINDOW="0", **settings) as place:
        router = ScriptedRouter(yes=True, delay_s=0.0)
        if mode != "chat":
            measure = Routing(count=lambda text: len(text.split()), cut_end=_last_words, budget=64)
            place.route(router, measure, chats=mode == "both")
        yield House(place, router)


def _last_words(text: str, tokens: int) -> tuple[str, int]:
    kept = text.split()[-tokens:]
    return " ".join(kept), len(kept)


__all__ = ["House", "Ran", "answering", "house"]
