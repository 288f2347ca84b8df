"""The scripted engine of a benchmark: each token says when its step was, and nothing is remembered of old requests."""

from collections.abc import Sequence

from attrs import define

from engines.base import Deliver, Delta, EngineInfo, GenerationRequest, Output, Progress
from engines.scripted import Script, ScriptedEngine
from tooling.benchmarks.scripted.stamps import stamp

MOST_RUNNING = 8192
LONGEST = 8192


@define(eq=False)
class StampingEngine(ScriptedEngine):
    """A `ScriptedEngine` whose steps are stamped in the one place that sees a whole step, `deliver`."""

    async def open(self, deliver: Deliver, progress: Progress) -> EngineInfo:
        """As the engine contract says."""

        def stamped(outputs: Sequence[tuple[str, Output]]) -> None:
            token = Delta(stamp(), 1, 0)
            deliver([(name, token if type(output) is Delta else output) for name, output in outputs])

        return await super().open(stamped, progress)

    def submit(self, request: GenerationRequest) -> None:
        """As the engine contract says."""
        super().submit(request)
        self.forget()


def script(step_s: float, tokens: int) -> Script:
    """Replies of so many tokens, one a step, for everybody at once."""
    reply = ["."] * tokens
    return Script(step_s=step_s, max_running=MOST_RUNNING, max_model_len=LONGEST, reply=lambda _request: reply)


__all__ = ["StampingEngine", "script"]
