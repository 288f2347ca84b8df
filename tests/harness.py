"""A server without sockets: real connections, sessions, engine actor and supervisor around a scripted engine.

Runs in one trio loop under a `MockClock`; what the engine says, when it fails and how the router decides is the
test's to choose while it runs.
"""

import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import trio
from attrs import define, evolve, field

from actors.connection import Connection
from actors.engine import EngineActor, EngineLimits, EngineState
from actors.lanes import Lanes
from actors.router import Decision
from actors.session.actor import CleanerFactory, SessionActor
from actors.session.deployment import Deployment
from actors.session.effects import Hangup
from actors.session.gate import Gate
from actors.session.intake import Routing
from actors.session.outbox import Outbox
from actors.session.state import Phase
from engines.base import GenerationRequest
from engines.scripted import Script, ScriptedEngine
from protocol.limits import TurnLimits, Window
from runtime.health import Health
from runtime.supervisor import Supervisor
from tests.accounts import Accountant
from tests.client import Client
from tests.referee import Mode, Referee
from tests.running import waits
from tests.toy import toy_text

CLOSINGS = {
    Hangup.CLIENT_REQUEST: (1000, "client_request"),
    Hangup.IDLE: (4000, "idle_timeout"),
    Hangup.SHUTDOWN: (1001, "server_shutdown"),
    Hangup.SLOW_CONSUMER: (1013, "slow_consumer"),
    Hangup.REFUSED: (1008, "refused"),
    Hangup.INTERNAL: (1011, "internal_error"),
}
WORDS = ("well ", "the ", "rain ", "will ", "stop")


@define
class Voice:
    """What the engine says to the next requests, and after how many tokens it fails them (None: never)."""

    tokens: tuple[str, ...] = WORDS
    fails_after: int | None = None

    def reply(self, _request: GenerationRequest) -> list[str]:
        """For `Script.reply`."""
        return list(self.tokens)

    def failure(self, _request: GenerationRequest) -> int | None:
        """For `Script.fail`."""
        return self.fails_after


class Verbatim:
    """A cleaner that changes nothing: what the sanitizer does is tested where it lives."""

    def push(self, delta: str) -> str:
        """The same text."""
        return delta

    def flush(self) -> str:
        """Nothing was held."""
        return ""


@define
class ScriptedRouter:
    """Decides as told, after a delay in seconds; `asked` holds the texts. `score` None is a failed inference."""

    yes: bool = False
    score: float | None = 0.5
    delay_s: float = 0.05
    asked: list[str] = field(factory=list)

    async def decide(self, text: str, timeout_s: float) -> Decision:
        """The decision, or a no without a score when it takes too long."""
        self.asked.append(text)
        answer = Decision(self.yes and self.score is not None, self.score)
        with trio.move_on_after(timeout_s):
            await trio.sleep(self.delay_s)
            return answer
        return Decision(False, None)


@define(eq=False)
class World:
    """The parts that all connections of a test share, and the connections' nursery.

    `crashes`: what connections ended with; a test that wants one clears it.
    """

    nursery: trio.Nursery
    site: Deployment
    mode: Mode
    engine: EngineActor
    voice: Voice
    router: ScriptedRouter
    health: Health
    engines: list[ScriptedEngine] = field(factory=list)
    connections: list[Connection] = field(factory=list)
    crashes: list[BaseException] = field(factory=list)
    cleaner: CleanerFactory = lambda _profile: Verbatim()
    supervisor: Supervisor | None = None
    accounts: Accountant = field(factory=Accountant)
    numbers: Iterator[int] = field(factory=itertools.count)

    @property
    def scripted(self) -> ScriptedEngine:
        """The newest engine."""
        return self.engines[-1]

    def connect(
        self,
        client: Client | None = None,
        *,
        outbox_bytes: int = 262144,
        idle_timeout_s: float = 0,
        messages: int = 0,
        cancels: int = 0,
    ) -> tuple[Client, Connection]:
        """A new connection, running, and its client."""
        client, connection = self.prepare(
            client, outbox_bytes=outbox_bytes, idle_timeout_s=idle_timeout_s, messages=messages, cancels=cancels
        )
        self.nursery.start_soon(self.converse, connection, client)
        return client, connection

    def prepare(
        self,
        client: Client | None = None,
        *,
        outbox_bytes: int = 262144,
        idle_timeout_s: float = 0,
        messages: int = 0,
        cancels: int = 0,
    ) -> tuple[Client, Connection]:
        """A new connection that does not run yet."""
        client = client or Client(Referee(self.mode))
        outbox = Outbox(outbox_bytes)
        actor = SessionActor(
            site=self.site,
            outbox=outbox,
            engine=None if self.mode is Mode.TOOL else self.engine.mailbox,
            router=None if self.mode is Mode.CHAT else self.router,
            cleaner=self.cleaner,
            number=next(self.numbers),
            observer=self.accounts,
        )
        gate = Gate(self.site, Window("message", messages, 60), Window("cancel", cancels, 60))
        connection = Connection(client, gate, outbox, actor, CLOSINGS, idle_timeout_s)
        return client, connection

    async def converse(self, connection: Connection, client: Client) -> None:
        """Run a connection behind a barrier, as the server does."""
        self.connections.append(connection)
        try:
            await connection.run()
        except* Exception as group:
            self.crashes.append(group)
            self.accounts.compare_crash(connection.unfinished(), connection.actor.number)
        finally:
            self.connections.remove(connection)
            client.finished()
            self.accounts.compare(client, connection.actor.number)

    def check_running(self, *, settled: bool = True) -> None:
        """The engine's running set is the sessions' running set (and, while it comes up, the warm-up's).

        `settled`: no message is on its way; an end that is leaves a session waiting for a moment longer.
        """
        waiting = sum(waits(connection.actor._turn) for connection in self.connections)
        running = 0 if self.engine.state is EngineState.DOWN else self.engine.running
        assert running == waiting if settled else running <= waiting
        assert running <= self.engine.stats().places <= len(self.connections)
        for connection in self.connections:
            session = connection.actor.session
            assert session.pending is None or session.phase is Phase.CANCELLING
            assert connection.outbox.size <= connection.outbox.limit

    async def check_quiet(self) -> None:
        """Nothing is left: no request, no abort under way, no task but the supervisor's and the actor's."""
        await trio.testing.wait_all_tasks_blocked()
        await self.engine.wait_aborts_confirmed()
        assert self.engine.idle, "a request or a place is left"
        assert not self.connections
        assert not self.accounts.open, "a turn is over and nobody was told"
        assert not self.accounts.sessions
        self.accounts.balance()
        if self.engines:
            assert await self.scripted.unfinished() == 0
        names = {task.name for task in self.nursery.child_tasks}
        assert names <= {"supervisor", "engine actor"}, f"tasks left: {names}"


def deployment(mode: Mode) -> Deployment:
    """A deployment of the toy model. The router's tokens are words.

    Small texts stay on the loop: a mock clock that sees nothing but a thread at work jumps ahead.
    """
    routing = (
        None if mode is Mode.CHAT else Routing(count=lambda text: len(text.split()), cut_end=_last_words, budget=64)
    )
    text = None if mode is Mode.TOOL else toy_text()
    turns = TurnLimits(chat=mode is not Mode.TOOL, tools=mode is not Mode.CHAT)
    return Deployment(turns=turns, text=text, routing=routing, lanes=Lanes(inline_chars=4096))


def _last_words(text: str, tokens: int) -> tuple[str, int]:
    kept = text.split()[-tokens:]
    return " ".join(kept), len(kept)


@asynccontextmanager
async def open_world(
    mode: Mode = Mode.CHAT,
    *,
    script: Script | None = None,
    limits: EngineLimits | None = None,
    site: Callable[[Deployment], Deployment] = lambda site: site,
) -> AsyncIterator[World]:
    """A running server whose engine is warm. `site` may change the deployment. Ends everything on the way out."""
    voice = Voice()
    script = evolve(script or Script(), reply=voice.reply, fail=voice.failure)
    engine = EngineActor(limits or EngineLimits())
    health = Health(chat=None if mode is Mode.TOOL else engine)
    async with trio.open_nursery() as nursery:
        world = World(nursery, site(deployment(mode)), mode, engine, voice, ScriptedRouter(), health)
        engine.observer = world.accounts

        def make() -> ScriptedEngine:
            world.engines.append(ScriptedEngine(script))
            return world.scripted

        if mode is not Mode.TOOL:
            nursery.start_soon(engine.run, name="engine actor")
            world.supervisor = Supervisor(make, engine, health, lambda _info: [1, 2, 3])
            await nursery.start(world.supervisor.run, name="supervisor")
        yield world
        assert not world.crashes, f"connections crashed: {world.crashes}"
        nursery.cancel_scope.cancel("the test is over")


__all__ = ["CLOSINGS", "WORDS", "ScriptedRouter", "Verbatim", "Voice", "World", "deployment", "open_world"]
