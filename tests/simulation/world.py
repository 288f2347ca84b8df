"""One run's server, clients, network, engine and tool model, put together."""

import random
from typing import cast

from attrs import define, field
from trio.testing import MockClock

from actors.connection import Connection
from actors.engine import EngineState
from actors.session.gate import Gate
from engines.base import GenerationRequest
from engines.scripted import Script
from protocol.limits import EXEMPT_FRAMES
from runtime import assembly
from runtime.health import Health
from runtime.server import Server
from runtime.settings import Settings
from runtime.websocket import WebSocket
from tests.referee import Mode, Referee
from tests.simulation.books import Ledger
from tests.simulation.client import Client, Deed
from tests.simulation.deflating import OFFERS, Deflating
from tests.simulation.doorman import Doorman
from tests.simulation.doors import DOORS
from tests.simulation.engine import Engines
from tests.simulation.judge import Judge
from tests.simulation.link import Link
from tests.simulation.network import Network
from tests.simulation.ordered import InOrder
from tests.simulation.plan import ClientPlan, Plan
from tests.simulation.probing import ASKS, Probe, Sight
from tests.simulation.process import Simulated
from tests.simulation.router import Classifying
from tests.simulation.sockets import Listener, Socket, Stream
from tests.simulation.trace import Trace

KEY = "k-1"
MAX_FAILURES, WITHIN_S = 8, 1800.0
"""So many failures of an engine in so many seconds are the end of its server (docs/decisions/0004)."""
STILLBORN_S = 5.0
"""How long a first engine that does not come up tries to."""


@define(eq=False)
class World:
    """Everything of one run.

    `connections`: by session number, also those that are over. `submissions`: session, turn and prompt of what the
    engine was asked, until the invariant on prompts has looked at it. `requests`: of each turn, by their ids.
    `turned_away`: turns whose request it did not take. `probes`: who asks over plain HTTP. `stopping`: the server was
    told to; `hurried`: twice; `ended`: it has, `failed`: with this error of its engine's.
    """

    plan: Plan
    deeds: dict[str, Deed]
    settings: Settings
    clock: MockClock
    judge: Judge = field(factory=Judge)
    trace: Trace = field(factory=Trace)
    network: Network = field(factory=Network)
    listener: Listener = field(factory=Listener)
    sockets: list[Socket] = field(factory=list)
    clients: list[Client] = field(factory=list)
    connections: dict[int, Connection] = field(factory=dict)
    doormen: dict[int, Doorman] = field(factory=dict)
    submissions: list[tuple[int, str, tuple[int, ...]]] = field(factory=list)
    engines: Engines = field(init=False)
    classifier: Classifying = field(init=False)
    ledger: Ledger = field(init=False)
    parts: assembly.Parts = field(init=False)
    server: Server = field(init=False)
    process: Simulated = field(init=False)
    requests: dict[str, list[str]] = field(factory=dict)
    turned_away: set[str] = field(factory=set)
    probes: dict[str, Probe] = field(factory=dict)
    stopping: bool = False
    hurried: bool = False
    ended: bool = False
    failed: str = ""

    def __attrs_post_init__(self) -> None:
        plan = self.plan
        script = Script(step_s=plan.step_s, max_running=plan.max_running)
        self.engines = Engines(plan.seed, plan.voice, script, self.trace, self.judge, self._submitted)
        self.engines.late, self.engines.refused = plan.late, self._turned_away
        if plan.stillborn:
            self.engines.failing_starts, self.engines.load_s = 1, STILLBORN_S
        self.classifier = Classifying(random.Random(f"{plan.seed}:router"), self.trace, plan.router_s)
        self.ledger = Ledger(self.judge, self.trace)
        health = Health()
        self.parts = assembly.parts(self.settings, health, self.ledger)
        self.server = assembly.server(self.parts)
        self.server.connections = InOrder()
        self.process = Simulated(
            self.settings, health=health, engines=self.engines, classifier=self.classifier, connected=self._connected
        )
        for each in plan.clients:
            self.add(each)

    def add(self, plan: ClientPlan) -> Client:
        """One more client."""
        client = Client(
            plan=plan,
            deeds=self.deeds,
            key=KEY,
            referee=Referee(Mode(self.plan.mode)),
            judge=self.judge,
            network=self.network,
            trace=self.trace,
            may_close=self.may_close,
        )
        client.before = next((each for each in self.clients if each.name == plan.follows), None)
        client.link = Link(
            len(self.clients),
            plan.address,
            plan.line,
            random.Random(f"{self.plan.seed}:{plan.name}"),
            self.network,
            self.judge,
            client.hears,
            client.over,
        )
        hearing = client.link.hearing
        hearing.compresses = self.settings.connections.compression
        hearing.deflating = Deflating(OFFERS[plan.deflate]) if plan.deflate else None
        self.clients.append(client)
        self.sockets.append(client.link.socket)
        return client

    def may_close(self, code: int, sent: int, largest: int) -> bool:
        """Whether a client may be closed with this code, having sent so many bytes, in messages of so many at most."""
        limits = self.settings.connections
        return (
            (code == 1001 and (self.stopping or self.worn_out))
            or (code == 1006 and self.hurried)  # and has been told nothing
            or (code == 4000 and bool(limits.idle_timeout_s))
            or (code == 1013 and self.is_full)
            or (code == 1008 and sent > EXEMPT_FRAMES * limits.max_frame_bytes)
            or (code == 1009 and largest > limits.max_frame_bytes)
        )

    @property
    def worn_out(self) -> bool:
        """Whether its engine has failed so often, or at once, that the server gives up."""
        closed = [engine.closed_at for engine in self.engines.made if engine.closed_at is not None]
        recent = closed[-MAX_FAILURES:]
        often = len(recent) == MAX_FAILURES and recent[-1] - recent[0] <= WITHIN_S
        return often or (bool(closed) and not self.ledger.ready.is_set())

    @property
    def is_full(self) -> bool:
        """Whether there may be more clients than slots."""
        return sum(client.plan.door not in DOORS for client in self.clients) > self.server.slots.limit

    def probe(self, client: Client) -> None:
        """Note what there is to see, if this one comes to ask over plain HTTP."""
        if client.plan.door in ASKS:
            probe = self.probes[client.name] = Probe(ASKS[client.plan.door], self.sight)
            client.link.hearing.answered = probe.hears

    def sight(self) -> Sight:
        """What there is to see of the server now."""
        chat, health, router = self.parts.chat, self.parts.health, self.parts.router
        is_up = chat is None or chat.state is EngineState.READY
        return Sight(
            ready=is_up and health.router_ready and not health.draining,
            draining=health.draining,
            engine=None if chat is None else chat.state.value,
            router=None if router is None else "ready" if health.router_ready else "down",
            taken=len(self.server.connections),
            restarts=self.process.restarts,
            counted=self.ledger.accountant.recorder.books.snapshot(),
        )

    def client_of(self, connection: Connection) -> Client:
        """Who is at the other end."""
        socket = connection.socket
        assert isinstance(socket, WebSocket)
        return self.clients[cast(Stream, socket.wire.stream).socket.number]

    def _connected(self, connection: Connection) -> None:
        client = self.client_of(connection)
        self.connections[connection.actor.number] = connection
        doorman = Doorman(connection.gate, self.judge.broken, self.clock.current_time())
        connection.gate = cast(Gate, doorman)
        self.doormen[connection.actor.number] = doorman
        self.trace.note("server", f"{client.name} is session {connection.actor.number}")

    def _turned_away(self, request: GenerationRequest) -> None:
        turn = self.connections[request.affinity].actor._turn
        if turn is not None and turn.generation is not None and turn.generation.request is request:
            self.turned_away.add(turn.request.request_id)

    def _submitted(self, request: GenerationRequest) -> None:
        turn = self.connections[request.affinity].actor._turn
        if turn is not None and turn.generation is not None and turn.generation.request is request:
            # Else its turn has been stopped meanwhile, and the engine is told so next.
            self.requests.setdefault(turn.request.request_id, []).append(request.id)
            self.submissions.append((request.affinity, turn.request.request_id, tuple(request.prompt_ids)))


__all__ = ["KEY", "World"]
