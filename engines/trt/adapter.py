"""`TrtEngine`: the engine contract over TensorRT-LLM, seen from trio.

The trio side knows which requests are open, and watches the workers: when one dies the library says nothing and its
streams wait for ever. The island side (`streams`) talks to the library.
"""

from collections.abc import Sequence
from typing import NoReturn

import structlog
import trio

from engines.base import Deliver, EngineInfo, Failed, GenerationRequest, Output, Progress
from engines.errors import EngineDead, EngineStartFailed, EngineUnavailable, describe, door
from engines.family import LOOK_S, Family
from engines.island import Island
from engines.trt.boot import Boot
from engines.trt.config import TrtConfig
from engines.trt.ledger import Batch, Ledger, first_death
from engines.trt.plan import Backend
from engines.trt.streams import Streams
from engines.trt.unhonoured import Unhonoured
from engines.trt.workers import is_worker

# The library's own shutdown waits without bound, so it gets this long; then `Family.end`. Seconds.
_SHUTDOWN_S = 5.0
_GIVE_UP_S = 30.0
_THREAD_S = 2.0

log = structlog.get_logger()


def _warn(key: str, why: str) -> None:
    log.warning("engine.refused", key=key, why=why)


class TrtEngine:
    """One TensorRT-LLM engine: opened once, closed once.

    `unhonoured` says what was asked for and cannot be done; the same object for every engine of a process, so that
    a restart does not say it again.
    """

    def __init__(self, config: TrtConfig, unhonoured: Unhonoured | None = None) -> None:
        self._config = config
        self._unhonoured = unhonoured or Unhonoured(_warn)
        self._island: Island[tuple[str, Output]] = Island("tensorrt-llm", self._receive)
        self._family = Family(config.mark, is_worker)
        self._ledger = Ledger()
        self._boot: Boot | None = None
        self._streams: Streams | None = None
        self._deliver: Deliver | None = None
        self._death: EngineDead | None = None
        self._died = trio.Event()
        self._closing = False
        self._closed = trio.Event()

    @property
    def worker_pids(self) -> tuple[int, ...]:
        """The processes that the engine cannot live without."""
        return tuple(process.pid for process in self._family.vital)

    async def open(self, deliver: Deliver, progress: Progress) -> EngineInfo:
        """Load the model; see `Engine.open`. Blocks only the island's thread."""
        assert self._boot is None, "an engine is opened once"
        self._deliver = deliver
        self._boot = boot = Boot(
            config=self._config,
            report=lambda line: self._island.tell(self._report, progress, line),
            say=lambda key, why: self._island.tell(self._unhonoured.say, key, why),
        )
        try:
            with door(EngineStartFailed, "TensorRT-LLM did not start"):
                await self._family.begin()
                await self._island.start()
                await self._load(boot)
        except BaseException:
            await self.close()
            raise
        self._streams = self._make_streams(boot)
        assert boot.info is not None
        boot.info.facts["worker_processes"] = len(self._family.vital)
        return boot.info

    def submit(self, request: GenerationRequest) -> None:
        """Hand a request over; see `Engine.submit`. Raises `EngineUnavailable` if the engine is not open."""
        if self._streams is None or self._closing:
            raise EngineUnavailable("the engine is not open")
        self._ledger.add(request.id)
        if self._death is not None or not self._island.call(self._streams.begin, request):
            refusal = (request.id, Failed(self._death or EngineDead("the engine's thread is gone")))
            self._island.tell(self._receive, [refusal])

    async def handed_over(self) -> None:
        """See `Engine.handed_over`."""
        await self._island.caught_up()

    def abort(self, request_id: str) -> None:
        """Stop a request; see `Engine.abort`."""
        if self._streams is not None and self._ledger.abort(request_id):
            self._island.call(self._streams.abort, request_id)

    async def watch(self) -> NoReturn:
        """Run until the engine dies, then raise `EngineDead`; open requests have failed by then."""
        with door(EngineDead, "TensorRT-LLM cannot be watched"):
            while self._death is None:
                with trio.move_on_after(LOOK_S):
                    await self._died.wait()
                self._look()
                await self._family.look_after()
            raise self._death

    def stuck(self) -> str | None:
        """Says so when a process of it was stopped; see `Engine.stuck`."""
        return self._family.stopped()

    async def unfinished(self) -> int | None:
        """None: the library has no count that could be trusted (its statistics are those of past steps)."""
        await trio.lowlevel.checkpoint()
        return None

    async def reset_prefix_cache(self) -> bool:
        """False: the library has no such call."""
        await trio.lowlevel.checkpoint()
        return False

    async def close(self) -> None:
        """End everything; see `Engine.close`. Takes about ten seconds at most, after a failed load too."""
        if self._closing:
            with trio.CancelScope(shield=True):
                await self._closed.wait()
            return
        self._closing = True
        with trio.CancelScope(shield=True):
            try:
                self._pass_on(self._ledger.fail_all(EngineUnavailable("the engine was closed")))
                await self._shut_down()
            except Exception as error:  # the door: whatever could not be ended is ended by pid right after
                log.warning("engine.shutdown_failed", error=describe(error))
            finally:
                # Whatever happened above: no process, no thread, no guardian stays.
                await self._family.end()
                await self._island.stop(_THREAD_S)
                await self._family.dismiss()
                self._let_go()
                self._closed.set()
        await trio.lowlevel.checkpoint()

    # Opening

    async def _load(self, boot: Boot) -> None:
        failure: Exception | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._family.keep_record)
            try:
                await self._island.run(boot.build)
            except Exception as error:  # carried past the nursery, which would wrap it in a group
                failure = error
            nursery.cancel_scope.cancel()
        if failure is not None:
            raise failure
        await self._family.settle()

    def _make_streams(self, boot: Boot) -> Streams:
        assert boot.library is not None
        assert boot.plan is not None
        return Streams(
            llm=boot.llm,
            library=boot.library,
            config=self._config,
            emit=self._island.emit,
            spawn=self._island.spawn,
            say=boot.say,
            zero_means_unknown=boot.plan.backend is Backend.ENGINE,
        )

    def _report(self, progress: Progress, line: str) -> None:
        if not self._closing:
            progress(line)

    # Requests

    def _receive(self, batch: Sequence[tuple[str, Output]]) -> None:
        passed = self._ledger.sift(batch)
        death = first_death(passed)
        if death is not None:
            self._die(death)
            passed += self._ledger.fail_all(death)
        self._pass_on(passed)

    def _pass_on(self, batch: Batch) -> None:
        if batch and self._deliver is not None:
            self._deliver(batch)

    # Life and death

    def _look(self) -> None:
        gone = [process.pid for process in self._family.missing()]
        if gone and self._death is None:
            error = EngineDead(f"TensorRT-LLM process {', '.join(map(str, gone))} is gone")
            self._die(error)
            self._pass_on(self._ledger.fail_all(error))

    def _die(self, error: EngineDead) -> None:
        if self._death is None:
            self._death = error
            self._died.set()

    # Closing

    async def _shut_down(self) -> None:
        boot = self._boot
        if boot is None:
            return
        boot.abandoned = True
        # The library may be starting processes at this very moment: they are ended as they come, until it gives up.
        with trio.move_on_after(_GIVE_UP_S):
            while boot.constructing:
                await self._family.kill()
                await trio.sleep(LOOK_S)
        if boot.llm is not None:
            await self._family.record()
            # In a thread and abandoned when late: with a dead or stuck worker it never returns.
            with trio.move_on_after(_SHUTDOWN_S):
                await trio.to_thread.run_sync(boot.llm.shutdown, abandon_on_cancel=True)

    def _let_go(self) -> None:
        """Hold nothing of the library's engine any more: see `engines.vllm.adapter.VllmEngine`."""
        self._streams = None
        if self._boot is not None:
            self._boot.llm = None


__all__ = ["TrtEngine"]
