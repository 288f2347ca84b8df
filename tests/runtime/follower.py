"""The TensorRT-LLM adapter over its stand-in, with the hands of a scripted engine: it says what a script says."""

import importlib
import os
import signal
from typing import Any

import trio
from attrs import define, field

from engines import processes
from engines.base import Deliver, EngineInfo, GenerationRequest, Progress
from engines.scripted import Script, ScriptedEngine
from engines.trt import TrtEngine
from tests.passing_on import PassesOn


@define(eq=False)
class FollowsScript(PassesOn):
    """The real adapter behind the engine contract. What it is given is written down, what the worker says is told to
    the worker; everything in between is the adapter's.
    """

    engine: TrtEngine
    script: Script
    submitted: list[GenerationRequest] = field(factory=list)
    aborted: list[str] = field(factory=list)
    pids: tuple[int, ...] = ()
    _llm: Any = None
    _lost: Any = None
    _stalled: bool = False

    async def open(self, deliver: Deliver, progress: Progress) -> EngineInfo:
        """Open the adapter over workers that behave as the script says."""
        library = importlib.import_module("tensorrt_llm._base")
        library.BaseLLM.behaviour = {
            "step_s": self.script.step_s,
            "load_s": self.script.load_s,
            "ignores_aborts": self.script.ignores_aborts,
            **({"complaint": self.script.fails_to_start} if self.script.fails_to_start else {}),
        }
        info = await self.engine.open(deliver, progress)
        self._llm, self.pids = library.BaseLLM.made[-1], self.engine.worker_pids
        return info

    def submit(self, request: GenerationRequest) -> None:
        """Tell the worker what to say to this seed, then hand the request to the adapter."""
        self.submitted.append(request)
        if not request.id.startswith("warmup"):
            texts, fails = ScriptedEngine(self.script)._reply(request), self.script.fail(request)
            told = {"words": [self._llm.tokenizer.teach(text) for text in texts]}
            self._llm.told[request.seed] = told if fails is None else {**told, "fails_after": fails}
        self.engine.submit(request)

    def abort(self, request_id: str) -> None:
        """The adapter's."""
        self.aborted.append(request_id)
        super().abort(request_id)

    async def close(self) -> None:
        """The adapter's, and no worker may outlive it."""
        await self.engine.close()
        with trio.CancelScope(shield=True), trio.fail_after(5):
            while any(processes.identify(pid) for pid in self.pids):
                await trio.sleep(0.02)
        if self._lost is not None:
            self._lost.close()

    @property
    def busy(self) -> int:
        """Requests that the worker still has."""
        executor = self._llm._executor
        return len(executor.results) if executor is not None else 0

    @property
    def stalled(self) -> bool:
        """Whether the worker takes no step and obeys nothing, without a sign of it from outside."""
        return self._stalled

    @stalled.setter
    def stalled(self, stalled: bool) -> None:
        if stalled != self._stalled:
            self._llm._executor.send({"do": "hang" if stalled else "go on"})
        self._stalled = stalled

    def die(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End the worker, as an out-of-memory killer does."""
        for pid in self.pids:
            os.kill(pid, number)

    def shut_down(self) -> None:
        """Let the library give itself up, as it does after a serious error; its worker stays."""
        self._lost, self._llm._executor = self._llm._executor, None

    def forget(self) -> None:
        """Drop what is remembered for tests only."""
        self.submitted.clear()
        self.aborted.clear()
        self._llm.sampled.clear()
        self._llm._seen.clear()


__all__ = ["FollowsScript"]
