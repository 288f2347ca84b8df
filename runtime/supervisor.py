"""The life of a chat engine: load, warm up, watch, and restart with back-off while sessions stay connected."""

import gc
import math
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog
import trio
from attrs import define, field

from actors.engine import EngineActor
from actors.happenings import Crashed, EngineRestarted
from engines.base import Engine, EngineInfo
from engines.errors import EngineDead, EngineError, EngineHung, EngineStartFailed, told
from runtime.back_off import MAX_FAILURES, WINDOW_S, BackOff, Endurance, served_s
from runtime.health import Health
from runtime.tracebacks import leaves
from runtime.warmup import warm_up

log = structlog.get_logger()
CLOSE_TIMEOUT_S = 45.0
QUIET_S = 30.0
"""A server counts as idle for a cache reset when no turn was accepted for so long."""


@define(eq=False)
class Supervisor:
    """Keeps one engine running. A failed first start is the caller's; so is an engine that dies again and again.

    `forget`: collects what a dead engine leaves, cycles and all, while there is no other; the loop waits for it.
    """

    make: Callable[[], Engine]
    actor: EngineActor
    health: Health
    warmup_ids: Callable[[EngineInfo], list[int]]
    start_timeout_s: float = 1800.0
    cache_reset_s: float = 0.0
    forget: Callable[[], object] = gc.collect
    restarts: int = 0
    cache_resets: int = 0
    _back_off: BackOff = field(factory=BackOff)
    _endurance: Endurance = field(factory=Endurance)
    _ready_at: float = -math.inf

    async def run(self, task_status: trio.TaskStatus[EngineInfo] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled. Reports `started` when the first engine is warm.

        Raises what failed before that (`EngineStartFailed` as a rule), and `EngineDead` after `MAX_FAILURES` failures
        within `WINDOW_S` seconds: a machine on which no restart helps has to tell whoever runs it.
        """
        error = await self._live(task_status)
        if self._ready_at == -math.inf:
            raise error
        while True:
            await self._wait_to_restart(error)
            _clear(error)
            del error
            self.forget()
            error = await self._live(trio.TASK_STATUS_IGNORED)

    async def _live(self, task_status: trio.TaskStatus[EngineInfo]) -> EngineError:
        """One engine from birth to death; returns what it died of."""
        self._ready_at = -math.inf
        causes: list[EngineError] = []
        try:
            async with self._engine() as engine:
                info = await self._serve_until_dead(engine, task_status)
                raise AssertionError(f"the watch over {info.name} ended without a death")
        except* Exception as group:
            causes.append(_first(group))
        return causes[0]

    async def _serve_until_dead(self, engine: Engine, task_status: trio.TaskStatus[EngineInfo]) -> EngineInfo:
        started = trio.current_time()
        patience = trio.CancelScope(deadline=started + self.start_timeout_s)
        with patience:
            info = await engine.open(self.actor.deliver, self._progress)
            loaded = trio.current_time()
            self.actor.attach(engine, info.max_running)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(engine.watch)
                self._progress("warming up")
                await warm_up(self.actor, info, self.warmup_ids(info))
                await engine.reset_prefix_cache()
                patience.deadline = float("inf")
                self._ready(info, loaded - started, trio.current_time() - loaded)
                task_status.started(info)
                nursery.start_soon(self.actor.watch.run)
                nursery.start_soon(self.actor.watch.heartbeat)
                if self.cache_reset_s:
                    nursery.start_soon(self._reset_cache_when_idle, engine)
        if patience.cancelled_caught:
            raise EngineStartFailed(f"not up within {self.start_timeout_s:g} s (ENGINE_START_TIMEOUT_S)")
        return info

    def _ready(self, info: EngineInfo, load_s: float, warmup_s: float) -> None:
        self.actor.ready()
        self._ready_at = trio.current_time()
        log.info(
            "engine.ready",
            engine=info.name,
            load_s=round(load_s, 1),
            warmup_s=round(warmup_s, 1),
            max_running=info.max_running,
            max_model_len=info.max_model_len,
            **info.facts,
        )

    async def _wait_to_restart(self, error: EngineError) -> None:
        if self._endurance.ends(trio.current_time()):
            self.health.progress = "it failed too often, the server ends"
            self.actor.observer.report(Crashed("engine", error))
            log.error("engine.gave_up", error=str(error), failures=MAX_FAILURES, within_s=WINDOW_S)
            raise EngineDead(
                f"the chat engine failed {MAX_FAILURES} times within {WINDOW_S:g} s and is not restarted again; "
                f"the last time: {error}"
            ) from error
        self.actor.observer.report(EngineRestarted(error))
        pause = self._back_off.pause_s(served_s(self._ready_at))
        self.restarts += 1
        self.health.progress = f"restarting in {pause:g} s"
        self.actor.next_try_at = trio.current_time() + pause
        log.error(
            "engine.hung" if isinstance(error, EngineHung) else "engine.died",
            error=str(error),
            restart_in_s=pause,
            failures=self._back_off.failures,
        )
        await trio.sleep(pause)

    @asynccontextmanager
    async def _engine(self) -> AsyncIterator[Engine]:
        """A new engine; closed on the way out, whatever happens, and its turns ended."""
        engine = self.make()
        cause: EngineError = EngineError("the engine was closed")
        try:
            yield engine
        except EngineError as error:
            cause = error
            raise
        except Exception as error:
            cause = _first(error)
            raise
        except BaseExceptionGroup as group:
            cause = _first(group)
            raise
        finally:
            self.actor.detach(cause)
            await _close(engine)

    async def _reset_cache_when_idle(self, engine: Engine) -> None:
        """Reset the prefix cache when its time has come and nobody talks; a busy server postpones it, however long."""
        reset_at = trio.current_time()
        while True:
            await trio.sleep_until(max(reset_at + self.cache_reset_s, self.actor.last_admitted_at + QUIET_S))
            if not self.actor.idle or trio.current_time() < self.actor.last_admitted_at + QUIET_S:
                await trio.sleep(1)
                continue
            done = await engine.reset_prefix_cache()
            reset_at = trio.current_time()
            self.cache_resets += done
            log.info("engine.cache_reset" if done else "engine.cache_reset_refused")

    def _progress(self, line: str) -> None:
        self.health.progress = line
        log.info("engine.progress", step=line)


async def _close(engine: Engine) -> None:
    """Close it within bounds; whatever goes wrong there is no reason to end the server, or to forget why it died."""
    with trio.move_on_after(CLOSE_TIMEOUT_S, shield=True) as patience:
        try:
            await engine.close()
        except Exception as error:
            log.error("engine.close_failed", error=told(error))
    if patience.cancelled_caught:
        log.error("engine.close_failed", error=f"not closed within {CLOSE_TIMEOUT_S:g} s")


def _first(error: BaseException) -> EngineError:
    """What an engine died of: the first engine error in a group, else whatever there is, as an engine error.

    Engines translate what is foreign at their doors; what comes all the same is told by its kind and its place.
    """
    errors = list(leaves(error))
    known = next((leaf for leaf in errors if isinstance(leaf, EngineError)), None)
    if known is not None:
        return known
    foreign = next((leaf for leaf in errors if isinstance(leaf, Exception)), None)
    if foreign is None:
        return EngineError("the engine was closed")
    failure = EngineDead(told(foreign))
    failure.__cause__ = foreign
    return failure


def _clear(error: BaseException) -> None:
    """Take what the frames of its tracebacks hold: the dead engine, with its pipes and its memory.

    Sessions and outlets may keep the error for long. Where it came from it still says.
    """
    left, seen = [error], set[int]()
    while left:
        one = left.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        traceback.clear_frames(one.__traceback__)
        left += [other for other in (one.__cause__, one.__context__) if other is not None]
        left += one.exceptions if isinstance(one, BaseExceptionGroup) else ()


__all__ = ["Supervisor"]
