"""The life of the process: listen, load, serve, drain on the first signal, end at once on the second."""

import gc
import signal
import sys
from collections.abc import AsyncIterator

import structlog
import trio
from attrs import define, field

from actors.engine import EngineActor
from actors.happenings import Crashed, ServerReady
from actors.router import RouterActor, routing
from actors.session.deployment import Deployment
from actors.session.intake import Routing
from engines.base import EngineInfo
from engines.classifier import ClassifierEngine
from engines.errors import EngineError
from engines.prompts.chat import ChatText
from engines.prompts.loading import load_chat_text
from runtime import assembly
from runtime.chat_engine import ChatEnginePlan, plan_chat_engine
from runtime.health import Health
from runtime.listening import reachable, tell_port
from runtime.server import Server
from runtime.settings import EngineName, Settings
from runtime.supervisor import Supervisor
from runtime.surroundings import Surroundings
from runtime.telemetry.gpus import GpuReadings
from runtime.telemetry.readings import Readings
from runtime.telemetry.recorder import Model
from runtime.telemetry.switchboard import Telemetry, open_telemetry
from runtime.tool_model import ToolModel, classifier_config

log = structlog.get_logger()

SWITCH_INTERVAL_S = 0.0005
"""How long a thread may keep the interpreter when another one wants it.

Every deployment has threads that parse and tokenise beside the loop, and in front of a chat engine there may be a tool
model. Python's 5 ms is a whole routing decision, and the loop would wait that long at each of its steps.
"""

YOUNG_OBJECTS = 20_000
"""New containers before the collector looks at them. Python's 700 are two steps of 256 sessions, and those looks took a
twentieth of the loop; so many more are a few megabytes."""


@define(eq=False)
class Process:
    """One server process. `run` returns after a drain; it raises, in a group, `EngineStartFailed` if the first start
    failed and `EngineDead` if no restart helped.
    """

    settings: Settings
    around: Surroundings = field(factory=Surroundings)
    health: Health = field(factory=Health)
    _supervisor: Supervisor | None = None

    @property
    def restarts(self) -> int:
        """Restarts of the chat engine so far."""
        return self._supervisor.restarts if self._supervisor is not None else 0

    @property
    def cache_resets(self) -> int:
        """Resets of its prefix cache so far."""
        return self._supervisor.cache_resets if self._supervisor is not None else 0

    async def run(self, task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until SIGTERM or SIGINT. Reports the bound port."""
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        try:
            await self._serve(task_status)
        finally:
            gc.unfreeze()

    async def _serve(self, task_status: trio.TaskStatus[int]) -> None:
        place = self.settings.deployment
        telemetry = open_telemetry(self.settings, self._model())
        parts = assembly.parts(self.settings, self.health, telemetry.observer)
        server = assembly.server(parts)
        if place.metrics_enabled:
            server.metrics = telemetry.page
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            try:
                await self._live(parts, server, telemetry, signals, task_status)
            except Exception as error:
                telemetry.observer.report(Crashed("server", error))
                raise
            finally:
                await _close(telemetry, signals)

    async def _live(
        self,
        parts: assembly.Parts,
        server: Server,
        telemetry: Telemetry,
        signals: AsyncIterator[int],
        task_status: trio.TaskStatus[int],
    ) -> None:
        place = self.settings.deployment
        async with trio.open_nursery() as nursery:
            # From before the first connection to the end of the last: one that crashes ends the server.
            if parts.chat is not None:
                nursery.start_soon(parts.chat.run)
            if parts.router is not None:
                nursery.start_soon(parts.router.run)
            nursery.start_soon(telemetry.run, self._readings(parts, server))
            port = await nursery.start(server.serve, place.server_bind_host, place.server_port)
            url = f"ws://{reachable(place.server_bind_host)}:{port}/ws"
            log.info("server.started", host=place.server_bind_host, port=port, url=url, mode=place.deploy_mode.value)
            tell_port(place.listening_fd, port)
            task_status.started(port)
            nursery.start_soon(self._end_on_signal, signals, server, nursery.cancel_scope)
            await self._load(parts, server, nursery)

    async def _load(self, parts: assembly.Parts, server: Server, nursery: trio.Nursery) -> None:
        """Bring up what is served; connections are taken once their texts can be measured."""
        started = trio.current_time()
        measured = await self._load_router(parts.router, nursery) if parts.router is not None else None
        text = None
        if parts.chat is not None:
            self.health.progress = "loading the tokenizer"
            text, plan = await trio.to_thread.run_sync(self._chat, abandon_on_cancel=True)
            for warning in (*text.warnings, *plan.warnings):
                log.warning("model.warned", warning=warning)
        await self._receive(server, parts, assembly.deployment(self.settings, text, measured), nursery)
        if parts.chat is not None and text is not None:
            await nursery.start(self._keep_chat, self._supervise(parts.chat, text, plan), server)
        _set_aside()
        seconds = trio.current_time() - started
        parts.observer.report(ServerReady(seconds))
        log.info("server.ready", seconds=round(seconds, 1))

    async def _receive(self, server: Server, parts: assembly.Parts, site: Deployment, _nursery: trio.Nursery) -> None:
        """Take connections in from now on."""
        server.connect = assembly.Reception(parts, site).connect

    async def _load_router(self, router: RouterActor, nursery: trio.Nursery) -> Routing:
        config = classifier_config(self.settings)
        life = ToolModel(
            make=lambda: ClassifierEngine(config),
            actor=router,
            health=self.health,
            start_timeout_s=self.settings.engine.start_timeout_s,
        )
        info = await nursery.start(life.run)
        return routing(info.measure)

    def _model(self) -> Model:
        return Model(self.settings.deployment.inference_engine.value, assembly.model_name(self.settings))

    def _readings(self, parts: assembly.Parts, server: Server) -> Readings:
        return Readings(
            health=self.health,
            connections=lambda: server.slots.taken,
            waiting=lambda: [each.outbox.size for each in server.connections],
            gpus=GpuReadings([gpu.index for gpu in self.around.gpus]),
            chat=parts.chat,
            router=parts.router,
            restarts=lambda: self.restarts,
            cache_resets=lambda: self.cache_resets,
        )

    def _supervise(self, chat: EngineActor, text: ChatText, plan: ChatEnginePlan) -> Supervisor:
        self._supervisor = Supervisor(
            make=plan.make,
            actor=chat,
            health=self.health,
            warmup_ids=assembly.warmup_ids(text),
            start_timeout_s=self.settings.engine.start_timeout_s,
            cache_reset_s=self._cache_reset_s(),
            forget=_forget,
        )
        return self._supervisor

    async def _keep_chat(
        self, supervisor: Supervisor, server: Server, task_status: trio.TaskStatus[EngineInfo]
    ) -> None:
        """Run the supervisor; when it gives up, say goodbye to everybody before the process ends with its error."""
        try:
            await supervisor.run(task_status)
        except EngineError:
            await server.drain(self.settings.deployment.drain_timeout_s)
            raise

    def _cache_reset_s(self) -> float:
        is_vllm = self.settings.deployment.inference_engine is EngineName.VLLM
        return self.settings.vllm.cache_reset_interval_s if is_vllm else 0.0

    def _chat(self) -> tuple[ChatText, ChatEnginePlan]:
        place = self.settings.deployment
        text = load_chat_text(
            place.chat_model or "",
            revision=place.chat_revision,
            trust_remote_code=place.chat_trust_remote_code,
            template=self.settings.chat.template,
            enable_thinking=self.settings.chat.template_enable_thinking,
        )
        return text, plan_chat_engine(self.settings, text, self.around)

    async def _end_on_signal(self, signals: AsyncIterator[int], server: Server, everything: trio.CancelScope) -> None:
        async with trio.open_nursery() as nursery:
            number = await anext(signals)
            log.info("server.stopping", signal=signal.Signals(number).name)
            nursery.start_soon(self._drain, server, nursery.cancel_scope)
            await anext(signals)
            log.info("server.stopping_now")
            server.expire()  # turns that are stopped are told of as such: nothing has crashed
            nursery.cancel_scope.cancel("second signal")
        everything.cancel("the server was told to stop")

    async def _drain(self, server: Server, scope: trio.CancelScope) -> None:
        await server.drain(self.settings.deployment.drain_timeout_s)
        scope.cancel("drained")


async def _close(telemetry: Telemetry, signals: AsyncIterator[int]) -> None:
    """Send what is left. Whoever signals once more is impatient with an end that takes a second at the most, and must
    not make a failure of it: a signal that nobody takes is delivered again, to Python's own handlers.
    """
    with trio.CancelScope(shield=True):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_let_pass, signals)
            await telemetry.close()
            nursery.cancel_scope.cancel("everything is sent")


async def _let_pass(signals: AsyncIterator[int]) -> None:
    async for _ in signals:
        pass


def _set_aside() -> None:
    """Take what was loaded out of garbage collection.

    It lives as long as the process, and a full collection walks all of it while every thread waits: 0.2 s for the
    400,000 objects that imports leave, whenever clients' frames have made a quarter as many.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])


def _forget() -> None:
    """Collect a dead engine. The first one was there when everything was set aside, and would stay for ever."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


__all__ = ["Process"]
