"""The life of the tool model: load, warm up, serve, and restart with back-off; meanwhile every decision is no."""

import math
from collections.abc import Callable

import structlog
import trio
from attrs import define, field

from actors.happenings import Crashed
from actors.router import RouterActor
from engines.classifier import Classifier, ClassifierConfig, ClassifierInfo, warm_up
from engines.errors import EngineStartFailed, told
from runtime.back_off import BackOff, served_s
from runtime.health import Health
from runtime.settings import Settings

log = structlog.get_logger()
CLOSE_TIMEOUT_S = 10.0
# Beside a chat engine, which the first token waits for, while a decision has until then. Where cores are scarce the
# tool model thus computes in the gaps (docs/benchmarks/routing.md). Not more than that: it holds the interpreter now
# and then, and whoever waits for that waits as long as it is kept from computing.
NICENESS = 5


def classifier_config(settings: Settings) -> ClassifierConfig:
    """The tool model of this deployment."""
    place, tools = settings.deployment, settings.tools
    return ClassifierConfig(
        model=place.tool_model or "",
        revision=place.tool_revision,
        trust_remote_code=place.tool_trust_remote_code,
        positive_label=tools.positive_label,
        max_length=tools.max_length,
        history_tokens=tools.history_tokens,
        batch_max_size=tools.batch_max_size,
        batch_max_delay_ms=tools.batch_max_delay_ms,
        compile=tools.compile,
        graphs=not settings.vllm.enforce_eager,
        gpu_frac=tools.gpu_frac,
        # Beside a chat engine on the same CPU a second thread only takes turns with the engine's.
        threads=1 if place.deploy_mode.chats else None,
        niceness=NICENESS if place.deploy_mode.chats else 0,
        verbose=settings.logs.show_tool_logs,
    )


@define(eq=False)
class ToolModel:
    """Keeps one classifier serving. A failed first start is the caller's; after that it never gives up."""

    make: Callable[[], Classifier]
    actor: RouterActor
    health: Health
    start_timeout_s: float = 1800.0
    _back_off: BackOff = field(factory=BackOff)
    _ready_at: float = -math.inf

    async def run(self, task_status: trio.TaskStatus[ClassifierInfo] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled. Reports `started` when the first one is warm; raises `EngineStartFailed` before."""
        first = True
        while True:
            try:
                await self._live(task_status if first else trio.TASK_STATUS_IGNORED)
            except Exception as error:
                if first and self._ready_at == -math.inf:
                    raise
                first = False
                pause = self._back_off.pause_s(served_s(self._ready_at))
                self.actor.observer.report(Crashed("router", error))
                self.health.router_progress = f"restarting in {pause:g} s"
                log.error("router.died", error=told(error), restart_in_s=pause, failures=self._back_off.failures)
                await trio.sleep(pause)

    async def _live(self, task_status: trio.TaskStatus[ClassifierInfo]) -> None:
        """One classifier from birth to death; its memory is free again before the next one is thought of."""
        self._ready_at = -math.inf
        classifier = self.make()
        try:
            await self._serve(classifier, task_status)
        finally:
            self.health.router_ready = False
            with trio.move_on_after(CLOSE_TIMEOUT_S, shield=True):
                try:
                    await classifier.close()
                except Exception as error:  # no reason to end the server, or to forget why it died
                    log.error("router.close_failed", error=told(error))

    async def _serve(self, classifier: Classifier, task_status: trio.TaskStatus[ClassifierInfo]) -> None:
        started = trio.current_time()
        with trio.move_on_after(self.start_timeout_s) as patience:
            info = await classifier.open(self._progress)
            await warm_up(classifier, info)
        if patience.cancelled_caught:
            raise EngineStartFailed(f"the tool model is not up within {self.start_timeout_s:g} s")
        for warning in info.warnings:
            log.warning("model.warned", warning=warning)
        self._ready_at = trio.current_time()
        self.health.router_ready = True
        log.info("router.ready", model=info.name, seconds=round(self._ready_at - started, 1), **info.facts)
        task_status.started(info)
        await self.actor.serve(classifier, info.batching)

    def _progress(self, line: str) -> None:
        self.health.router_progress = line
        log.info("router.progress", step=line)


__all__ = ["ToolModel", "classifier_config"]
