"""A whole server in the test's own trio loop, on a real loopback port, with an engine in the test's hands.

The engine is the scripted one, or the TensorRT-LLM adapter over its stand-in, which follows the same script.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache
from typing import Any, cast

import trio
from attrs import define, evolve, field
from tokenizers import Tokenizer

from actors.engine import EngineActor
from actors.happenings import NOBODY, Observer
from actors.session.deployment import Deployment
from actors.session.intake import Routing
from actors.session.turn import Router
from engines.base import GenerationRequest
from engines.scripted import Script, ScriptedEngine
from engines.trt import TrtEngine
from runtime import assembly
from runtime.chat_engine import plan_chat_engine
from runtime.health import Health
from runtime.server import Server
from runtime.settings import EngineName, Settings
from runtime.supervisor import Supervisor
from runtime.surroundings import Surroundings
from tests.e2e.client import Client, connected
from tests.runtime.follower import FollowsScript
from tests.toy import toy_directory, toy_text

STEP_S = 0.002

Serving = Callable[..., AbstractAsyncContextManager["Place"]]
"""`serving`, with the kind of engine decided."""


@define(eq=False)
class Place:
    """A running server. `engines`: every engine that was made, newest last."""

    settings: Settings
    parts: assembly.Parts
    server: Server
    actor: EngineActor
    port: int = 0
    engines: list[ScriptedEngine | FollowsScript] = field(factory=list)

    @property
    def engine(self) -> ScriptedEngine | FollowsScript:
        """The engine that runs now, or ran last."""
        return self.engines[-1]

    def counted(self, tokens: int) -> int:
        """What the engine counts for a reply of so many tokens that ended by itself: a real one counts its end too."""
        return tokens if isinstance(self.engine, ScriptedEngine) else tokens + 1

    def prompt(self, number: int = -1) -> str:
        """The text of the n-th prompt that this engine got."""
        return prompt_text(self.engine.submitted[number])

    def connected(self, key: str | None = "k-1", **options: Any) -> AbstractAsyncContextManager[Client]:
        """A client of it."""
        return connected(self.port, key, **options)

    def route(self, router: Router, measure: Routing, *, chats: bool = True) -> None:
        """From the next connection on, let this router decide; without `chats` it is all that is served."""
        site = assembly.deployment(self.settings, toy_text() if chats else None, measure)
        parts = evolve(self.parts, chat=self.actor if chats else None)
        self.server.connect = assembly.Reception(parts, site, router).connect

    async def until_idle(self, within_s: float = 5.0) -> None:
        """Return when nobody is connected and the engine has nothing to do."""
        with trio.fail_after(within_s):
            while self.server.connections or self.actor.running or busy(self.engine) or self.server.slots.taken:
                await trio.sleep(0.01)

    async def until_idle_engine(self, within_s: float = 5.0) -> None:
        """Return when no request is alive, in our books or in the engine's, and every abort is confirmed."""
        with trio.fail_after(within_s):
            while self.actor.running or self.actor.stats().unconfirmed_aborts or busy(self.engine):
                await trio.sleep(0.01)

    async def until_restarted(self, within_s: float = 30.0) -> None:
        """Return when the next engine serves."""
        with trio.fail_after(within_s):
            while len(self.engines) < 2 or self.server.health.reason():
                await trio.sleep(0.02)


def busy(engine: ScriptedEngine | FollowsScript) -> int:
    """Requests that the engine itself still has."""
    return len(engine._requests) if isinstance(engine, ScriptedEngine) else engine.busy


def words(count: int) -> list[str]:
    """Tokens of a reply that passes the sanitizer unchanged."""
    return ["Word", *[" word"] * (count - 1)]


@cache
def _tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(toy_directory() / "tokenizer.json"))


def text_of_ids(ids: Sequence[int]) -> str:
    """Prompt ids as text, control tokens included."""
    return str(_tokenizer().decode(list(ids), skip_special_tokens=False))


def prompt_text(request: GenerationRequest) -> str:
    """The prompt of a request as text, control tokens included."""
    return text_of_ids(request.prompt_ids)


def _beyond_warmup(script: Script) -> Script:
    """The same, but with the warm-up served as a good engine serves it."""
    return evolve(
        script,
        reply=lambda request: None if request.id.startswith("warmup") else script.reply(request),
        fail=lambda request: None if request.id.startswith("warmup") else script.fail(request),
    )


def says(*tokens: str) -> Script:
    """A quick engine with one reply."""
    return Script(step_s=STEP_S, reply=lambda _request: list(tokens))


def talks(count: int = 150, step_s: float = 0.02) -> Script:
    """An engine whose replies take long: `count` tokens, one every `step_s` seconds."""

    def reply(request: GenerationRequest) -> list[str]:
        return words(min(count, request.max_tokens))

    return Script(step_s=step_s, reply=reply)


def _settings(kind: str, script: Script, environment: dict[str, str]) -> Settings:
    engine = {"TRT_BATCH_SIZE": str(script.max_running)} if kind == "trt" else {}
    return Settings.from_env(
        {
            "TEXT_API_KEY": "k-1",
            "MAX_CONCURRENT_CONNECTIONS": "16",
            "INFERENCE_ENGINE": kind,
            "CHAT_MODEL": str(toy_directory()),
            **engine,
            **environment,
        }
    )


def _maker(settings: Settings, script: Script) -> Callable[[], ScriptedEngine | FollowsScript]:
    if settings.deployment.inference_engine is EngineName.SCRIPTED:
        return lambda: ScriptedEngine(script)
    plan = plan_chat_engine(settings, toy_text(), Surroundings())
    return lambda: FollowsScript(cast(TrtEngine, plan.make()), script)


@asynccontextmanager
async def serving(
    script: Script | None = None,
    site: Callable[[Deployment], Deployment] = lambda site: site,
    observer: Observer = NOBODY,
    /,
    *,
    kind: str = "scripted",
    **environment: str,
) -> AsyncIterator[Place]:
    """A ready server with these settings beside the required ones. `site`: may change what sessions know.

    `observer`: is told what happens.
    """
    script = _beyond_warmup(script or Script(step_s=STEP_S))
    settings = _settings(kind, script, environment)
    parts = assembly.parts(settings, Health(), observer)
    chat = parts.chat
    assert chat is not None
    place = Place(settings, parts, assembly.server(parts), chat)
    prepare = _maker(settings, script)

    def make() -> ScriptedEngine | FollowsScript:
        place.engines.append(prepare())
        return place.engine

    text = toy_text()
    supervisor = Supervisor(make, chat, parts.health, assembly.warmup_ids(text))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(chat.run)
        place.port = await nursery.start(place.server.serve, "127.0.0.1", int(environment.get("SERVER_PORT", "0")))
        place.server.connect = assembly.Reception(parts, site(assembly.deployment(settings, text, None))).connect
        with trio.fail_after(60):
            await nursery.start(supervisor.run)
        place.engine.submitted.clear()  # the warm-up's
        place.engine.aborted.clear()
        try:
            yield place
        finally:
            place.engine.stalled = False  # a hung worker would hold up the end
            nursery.cancel_scope.cancel("the test is over")


__all__ = ["Place", "Serving", "prompt_text", "says", "serving", "talks", "text_of_ids", "words"]
