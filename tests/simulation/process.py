"""The server's own process, with a simulated engine, tool model and wall clock."""

from collections.abc import Callable
from datetime import UTC, datetime

import trio
from attrs import define, field

from actors.connection import Connection, Socket
from actors.router import RouterActor, routing
from actors.session.deployment import Deployment
from actors.session.intake import Routing
from engines.prompts.chat import ChatText
from runtime import assembly
from runtime.chat_engine import ChatEnginePlan
from runtime.process import Process
from runtime.server import Server
from runtime.tool_model import ToolModel
from tests.simulation.engine import Engines
from tests.simulation.router import Classifying
from tests.toy import toy_text

TODAY = datetime(2026, 5, 4, 18, 30, tzinfo=UTC)


@define(eq=False)
class Simulated(Process):
    """`connected`: told each connection when it is made. `site`: what sessions know, once connections are taken."""

    engines: Engines = field(kw_only=True)
    classifier: Classifying = field(kw_only=True)
    connected: Callable[[Connection], None] = field(kw_only=True)
    site: Deployment | None = None

    def _chat(self) -> tuple[ChatText, ChatEnginePlan]:
        return toy_text(), ChatEnginePlan(self.engines.make)

    async def _load_router(self, router: RouterActor, nursery: trio.Nursery) -> Routing:
        life = ToolModel(
            make=lambda: self.classifier,
            actor=router,
            health=self.health,
            start_timeout_s=self.settings.engine.start_timeout_s,
        )
        info = await nursery.start(life.run)
        return routing(info.measure)

    async def _receive(self, server: Server, parts: assembly.Parts, site: Deployment, _nursery: trio.Nursery) -> None:
        self.site, reception = site, assembly.Reception(parts, site)

        def connect(socket: Socket) -> Connection:
            connection = reception.connect(socket)
            connection.gate.today = lambda: TODAY
            self.connected(connection)
            return connection

        server.connect = connect


__all__ = ["Simulated"]
