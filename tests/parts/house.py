"""A server in a thread of its own, for tests that a browser's synchronous interface keeps from running a loop."""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

import trio
from attrs import define, field

from actors.session.intake import Routing
from engines.base import GenerationRequest
from engines.scripted import Script
from tests.harness import ScriptedRouter
from tests.runtime.serving import serving

START_S = 60.0
T = TypeVar("T")


@define
class Words:
    """What the engine says to the next requests."""

    tokens: list[str] = field(factory=lambda: ["Well", " the", " rain", " will", " stop", "."])

    def reply(self, _request: GenerationRequest) -> list[str]:
        """For `Script.reply`."""
        return list(self.tokens)


class House:
    """A server with the playground and a scripted engine. A context manager; `port` once it is entered.

    `routes`: with a tool model, which decides as `router` is told; `chats`: not a tool model alone. `environment`:
    further settings.
    """

    def __init__(self, *, step_s: float = 0.02, routes: bool = False, chats: bool = True, **environment: str) -> None:
        self.words = Words()
        self.router = ScriptedRouter(score=0.93)
        self._script = Script(step_s=step_s, reply=self.words.reply)
        self._routes, self._chats = routes, chats
        self._environment = {"PLAYGROUND": "1", **environment}
        self._ready = threading.Event()
        self._ended = trio.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(START_S), "the server did not start"
        if self._failure is not None:
            raise self._failure
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.call(self._ended.set)
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    @property
    def url(self) -> str:
        """The page's address."""
        return f"http://127.0.0.1:{self.place.port}/playground"

    def call(self, work: Callable[[], T]) -> T:
        """Do something in the server's loop."""
        return trio.from_thread.run_sync(work, trio_token=self._token)

    def drain(self) -> None:
        """Say goodbye to everybody, and be there again: to clients this is a server that was restarted."""

        async def restart() -> None:
            await self.place.server.drain(0.05)
            # As the next process would come up.
            self.place.server.health.draining = False
            self.place.server.slots._shut = None

        trio.from_thread.run(restart, trio_token=self._token)

    def prompts(self) -> list[str]:
        """The prompts that the engine got so far, as text."""
        return self.call(lambda: [self.place.prompt(number) for number in range(len(self.place.engine.submitted))])

    def _run(self) -> None:
        try:
            trio.run(self._serve)
        except BaseException as error:
            self._failure = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        async with serving(self._script, **self._environment) as self.place:
            if self._routes:
                measure = Routing(count=lambda text: len(text.split()), cut_end=_last_words, budget=64)
                self.place.route(self.router, measure, chats=self._chats)
            self._ready.set()
            await self._ended.wait()


def _last_words(text: str, tokens: int) -> tuple[str, int]:
    kept = text.split()[-tokens:]
    return " ".join(kept), len(kept)


__all__ = ["House"]
