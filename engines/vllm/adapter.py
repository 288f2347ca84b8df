"""`VllmEngine`: the engine contract over vLLM's `AsyncLLM`, seen from trio.

The trio side knows which requests are open and which of them were aborted; it drops late output, so that after an abort
nothing but its confirmation is ever delivered. The island side (`steps`, or `streams`) talks to the library.
"""

from collections.abc import Sequence
from typing import Any, NoReturn

import structlog
import trio
from attrs import evolve

from engines.base import Aborted, Deliver, Delta, EngineInfo, Failed, GenerationRequest, Output, Progress
from engines.errors import EngineDead, EngineError, EngineStartFailed, EngineUnavailable, describe, door
from engines.family import LOOK_S, Family
from engines.island import Island, IslandClosed
from engines.vllm.boot import Boot, last_words
from engines.vllm.choosing import Choose, quickest
from engines.vllm.client import Client, Parts
from engines.vllm.config import VllmConfig
from engines.vllm.leavings import end_context
from engines.vllm.workers import is_worker

# Control calls (round trip, cache reset) answer in milliseconds; an engine that needs longer cannot say.
_ANSWER_S = 5.0
# vLLM's own shutdown, then ours (`Family.end`), then the thread: about ten seconds in all.
_SHUTDOWN_S = 5.0
_GIVE_UP_S = 30.0
_THREAD_S = 2.0

log = structlog.get_logger()


class VllmEngine:
    """One vLLM engine: opened once, closed once. `choose`: how the island talks to it."""

    def __init__(self, config: VllmConfig, choose: Choose = quickest) -> None:
        self._config = config
        self._choose = choose
        self._island: Island[tuple[str, Output]] = Island("vllm", self._receive)
        self._family = Family(config.mark, is_worker)
        self._boot: Boot | None = None
        self._client: Client | None = None
        self._deliver: Deliver | None = None
        # Open requests, and whether their abort was asked for.
        self._requests: dict[str, bool] = {}
        self._death: EngineDead | None = None
        self._died = trio.Event()
        self._closing = False
        self._closed = trio.Event()

    async def open(self, deliver: Deliver, progress: Progress) -> EngineInfo:
        """Load the model; see `Engine.open`. Blocks only the island's thread."""
        assert self._boot is None, "an engine is opened once"
        self._deliver = deliver
        self._boot = boot = Boot(
            config=self._config, report=lambda line: self._island.tell(self._report, progress, line)
        )
        try:
            with door(EngineStartFailed, "vLLM did not start"):
                await self._family.begin()
                await self._island.start()
                await self._load(boot)
                await self._connect(boot)
        except BaseException:
            await self.close()
            raise
        assert boot.info is not None
        return boot.info

    def submit(self, request: GenerationRequest) -> None:
        """Hand a request over; see `Engine.submit`. Raises `EngineUnavailable` if the engine is not open."""
        if self._client is None or self._closing:
            raise EngineUnavailable("the engine is not open")
        if request.id in self._requests:
            raise ValueError(f"request id {request.id!r} is in use")
        self._requests[request.id] = False
        if self._death is not None or not self._island.call(self._client.begin, request):
            refusal = (request.id, Failed(self._death or EngineDead("the engine's thread is gone")))
            self._island.tell(self._receive, [refusal])

    async def handed_over(self) -> None:
        """See `Engine.handed_over`."""
        await self._island.caught_up()

    def abort(self, request_id: str) -> None:
        """Stop a request; see `Engine.abort`."""
        if self._requests.get(request_id) is False and self._client is not None:
            self._requests[request_id] = True
            self._island.call(self._client.abort, request_id)

    async def watch(self) -> NoReturn:
        """Run until the engine dies, then raise `EngineDead`; open requests have failed by then."""
        with door(EngineDead, "vLLM cannot be watched"):
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
        """The engine's count of unfinished requests, after it has answered a question; None if it does not."""
        return await self._ask(_count, self._client) if self._client is not None else None

    async def reset_prefix_cache(self) -> bool:
        """Drop the prefix cache of an idle engine; whether it really did."""
        if self._client is None or self._requests:
            return False
        return bool(await self._ask(_reset, self._client))

    async def close(self) -> None:
        """End everything; see `Engine.close`. Takes about ten seconds at most, after a failed load too."""
        if self._closing:
            with trio.CancelScope(shield=True):
                await self._closed.wait()
            return
        self._closing = True
        with trio.CancelScope(shield=True):
            try:
                self._fail_all(EngineUnavailable("the engine was closed"))
                await self._shut_down()
            except Exception as error:  # the door: whatever could not be ended is ended by pid right after
                log.warning("engine.shutdown_failed", error=describe(error))
            finally:
                # Whatever happened above: no process, no thread, no guardian stays.
                await self._family.end()
                await self._island.stop(_THREAD_S)
                await self._family.dismiss()
                await self._end_context()
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

    async def _connect(self, boot: Boot) -> None:
        assert boot.library is not None
        assert boot.info is not None
        parts = Parts(
            engine=boot.engine,
            library=boot.library,
            config=self._config,
            emit=self._island.emit_all,
            spawn=self._island.spawn,
            pause=self._island.pause,
        )
        choice = await self._island.run(self._choose, parts)
        if choice.why_public is not None:
            log.warning("engine.public_client", why=choice.why_public, vllm=boot.library.version)
        self._client = choice.client
        boot.info = evolve(boot.info, facts={**boot.info.facts, "detokenising": choice.detokenising})

    def _report(self, progress: Progress, line: str) -> None:
        if not self._closing:
            progress(line)

    # Requests

    def _receive(self, batch: Sequence[tuple[str, Output]]) -> None:
        passed: list[tuple[str, Output]] = []
        for request_id, output in batch:
            aborting = self._requests.get(request_id)
            if isinstance(output, Delta):
                wasted = aborting is None or aborting
                passed.append((request_id, Delta("", output.tokens) if wasted else output))
                continue
            if aborting is None:
                # It ended already: late output of a request that was failed here.
                continue
            dead = isinstance(output, Failed) and isinstance(output.error, EngineDead)
            # A generation that ended by itself while its abort was on the way is as gone as the abort wants it.
            passed.append((request_id, Aborted() if aborting and not dead else output))
            del self._requests[request_id]
            if dead:
                assert isinstance(output, Failed)
                self._die(str(output.error))
        if passed and self._deliver is not None:
            self._deliver(passed)
        if self._death is not None:
            # A dying engine may swallow what had just reached it: nobody waits for that.
            self._fail_all(self._death)

    def _fail_all(self, error: EngineError) -> None:
        failed = [(request_id, Failed(error)) for request_id in self._requests]
        self._requests.clear()
        if failed and self._deliver is not None:
            self._deliver(failed)

    # Life and death

    def _look(self) -> None:
        if self._death is not None or self._boot is None or self._boot.engine is None:
            return
        if missing := self._family.missing():
            self._fail_all(self._die("engine process " + ", ".join(str(one.pid) for one in missing) + " is gone"))
        elif self._boot.engine.errored:
            self._fail_all(self._die(describe(self._boot.engine.dead_error)))

    def _die(self, why: str) -> EngineDead:
        if self._death is None:
            own = last_words(self._config.error_log)
            self._death = EngineDead(f"{why} ({' <- '.join(own)})" if own else why)
            self._died.set()
        return self._death

    async def _ask(self, question: Any, client: Client) -> Any:
        with trio.move_on_after(_ANSWER_S):
            try:
                return await self._island.run(question, client)
            except IslandClosed:
                return None
            except Exception as error:  # the door: a control call failed, which is an answer too
                translated = client.parts.library.translate(error)
                if isinstance(translated, EngineDead):
                    self._die(str(translated))
        return None

    # Closing

    async def _shut_down(self) -> None:
        boot = self._boot
        if boot is None:
            return
        boot.abandoned = True
        # vLLM may be starting processes at this very moment: they are ended as they come, until it has given up.
        with trio.move_on_after(_GIVE_UP_S):
            while boot.constructing:
                await self._family.kill()
                await trio.sleep(LOOK_S)
        if boot.engine is not None:
            await self._family.record()
            # In a thread: in the loop it would block it, and the streams would neither end nor raise.
            with trio.move_on_after(_SHUTDOWN_S + 1):
                await trio.to_thread.run_sync(boot.engine.shutdown, _SHUTDOWN_S, abandon_on_cancel=True)

    def _let_go(self) -> None:
        """Hold nothing of the library's engine any more, which keeps pipes to its dead process open.

        Something may hold us: a part of the library that keeps an exception of its first import keeps the frames of
        whoever imported it, for as long as the process lives.
        """
        self._client = None
        if self._boot is not None:
            self._boot.engine = None

    async def _end_context(self) -> None:
        """After the island, in which its sockets were closed."""
        engine = None if self._boot is None else self._boot.engine
        if engine is None:
            return
        try:
            with trio.move_on_after(_THREAD_S):
                await trio.to_thread.run_sync(end_context, engine, abandon_on_cancel=True)
        except Exception as error:  # the door: nothing but descriptors is at stake
            log.warning("engine.shutdown_failed", error=describe(error))


async def _count(client: Client) -> int:
    await client.round_trip()
    return client.unfinished()


async def _reset(client: Client) -> bool:
    return bool(await client.parts.engine.reset_prefix_cache())


__all__ = ["VllmEngine"]
