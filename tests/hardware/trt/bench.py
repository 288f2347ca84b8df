"""The TensorRT-LLM engine under test on real hardware, and the verdicts of the rows that were run on it."""

import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import trio
from attrs import define, field

from engines.base import Finished
from engines.errors import EngineError
from engines.trt import TrtConfig, TrtEngine, Unhonoured
from tests.contract.suite import Opened, Recorder

ROW_S = 180.0
START_S = 1800.0

Row = Callable[["Bench"], Awaitable[str]]


@define(eq=False)
class Bench:
    """The engine under test and the verdicts so far."""

    config: TrtConfig
    prompt_ids: list[int]
    as_json: bool
    verdicts: dict[str, bool] = field(factory=dict)
    warnings: list[str] = field(factory=list)
    opened: Opened | None = None

    @property
    def open(self) -> Opened:
        """The opened engine."""
        assert self.opened is not None
        return self.opened

    async def start(self) -> None:
        """Open a fresh engine."""
        recorder = Recorder()
        engine = TrtEngine(self.config, Unhonoured(lambda key, why: self.warnings.append(f"{key}: {why}")))
        with trio.fail_after(START_S):
            info = await engine.open(recorder.deliver, note)
        self.opened = Opened(engine, info, recorder, self.prompt_ids, ())

    async def text(self, tokens: int = 24, **values: Any) -> tuple[str, Finished]:
        """One reply, whole."""
        request_id = self.open.submit(tokens, **values)
        end = await self.open.recorder.end(request_id)
        assert isinstance(end, Finished), end
        return self.open.recorder.text(request_id), end

    async def running(self) -> str:
        """A request that has begun and will go on for long."""
        request_id = self.open.submit(self.open.longest())
        await self.open.recorder.until(lambda: bool(self.open.recorder.deltas(request_id)))
        return request_id

    def say(self, name: str, passed: bool, detail: str) -> None:
        """Keep and print a verdict."""
        self.verdicts[name] = passed
        if self.as_json:
            sys.stdout.write(json.dumps({"row": name, "passed": passed, "detail": detail}) + "\n")
        else:
            sys.stdout.write(f"{'pass' if passed else 'FAIL'}  {name:<58} {detail}\n")
        sys.stdout.flush()

    async def judge(self, name: str, row: Row) -> None:
        """Run a row; whatever it raises is its verdict."""
        try:
            with trio.fail_after(ROW_S):
                detail = await row(self)
        except (AssertionError, EngineError, trio.TooSlowError) as error:
            self.say(name, False, f"{type(error).__name__}: {error}".splitlines()[0][:200])
        else:
            self.say(name, True, detail)


def note(line: str) -> None:
    """Progress and warnings, beside the verdicts."""
    sys.stderr.write(f"  {line}\n")


__all__ = ["Bench", "Row", "note"]
