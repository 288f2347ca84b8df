"""What a scenario is, and what one run of it has in its hands."""

import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, ExitStack

import trio
from attrs import define, field, frozen

from tests.chaos.footing import Footing
from tests.chaos.servers import Servers
from tests.e2e.breaking import GREEDY
from tests.e2e.client import connected, ends_turn
from tests.e2e.program import Program

NEXT_TURN_S = 240.0
"""For an engine to be restarted on a busy machine."""
PAUSE_S = 0.1


@define(eq=False)
class Scene:
    """One round of a scenario: `server` is what it happens to, and what is looked at afterwards.

    Seconds are counted from `fault`. `told`: until everybody whom it concerned had been told; None: there was nobody to
    tell. `recovered`: until a new client's turn brought text. `notes`: what was seen, for the table. `footing`: what
    the server has to come back to, where that is not what it was before. `stack`: ends what was started beside.
    """

    servers: Servers
    server: Program
    say: Callable[[str], None]
    told: float | None = None
    recovered: float | None = None
    notes: list[str] = field(factory=list)
    footing: Footing | None = None
    stack: ExitStack = field(factory=ExitStack)
    _began: float = field(factory=time.monotonic)

    def fault(self) -> None:
        """It happens now, or is taken back now."""
        self._began = time.monotonic()

    def since(self) -> float:
        """Seconds since then."""
        return time.monotonic() - self._began

    def all_told(self) -> None:
        """Everybody whom it concerned has been told."""
        self.told = self.since()

    def note(self, what: str) -> None:
        """For the table, and for whoever watches."""
        self.notes.append(what)
        self.say(what)

    async def works_again(self) -> None:
        """Return when a new client has got its text; `recovered` is the longest time that this took."""
        await next_turn(self.server.port)
        self.recovered = max(self.recovered or 0.0, self.since())


@frozen(kw_only=True)
class Scenario:
    """`what`: a sentence for `--list`. `act` does it to a server of `house`; `rounds` of it tell a slope of memory."""

    name: str
    what: str
    act: Callable[[Scene], Awaitable[None]]
    house: Callable[[Servers], AbstractContextManager[Program]]
    rounds: int = 1


async def next_turn(port: int, within_s: float = NEXT_TURN_S) -> None:
    """Come anew and talk: text, and a cancel that is answered. While the engine is away it is tried again."""
    with trio.fail_after(within_s):
        while not await _turn(port):
            await trio.sleep(PAUSE_S)


async def _turn(port: int) -> bool:
    try:
        async with connected(port, session_id="next") as client:
            await client.start("n-1", "hello", sampling=GREEDY)
            while (frame := await client.frame())["type"] != "token":
                if ends_turn(frame) or frame["type"] == "error":
                    return False
            await client.say("cancel", "n-1")
            return (await client.rest())[-1]["type"] in ("cancelled", "done")
    except Exception as error:
        if isinstance(error, AssertionError):
            raise
        return False


__all__ = ["Scenario", "Scene", "next_turn"]
