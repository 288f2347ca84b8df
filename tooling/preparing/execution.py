"""Carries a step out: a worker of its own process group, its output kept, nothing half-made left behind."""

import json
import signal
import tempfile
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from runtime.settings.sections import VARIABLES
from tooling import cache
from tooling.preparing import worker
from tooling.preparing.step import Step
from tooling.refusal import FAILED, Refusal

TAIL_LINES = 60
PROGRESS_S = 15.0
"""How often a bar that a worker redraws becomes a line, and how often a silent worker is said to be at work still."""
SILENCE_S = 60.0
SECRETS = {name for name, variable in VARIABLES.items() if variable.secret} | {"HUGGING_FACE_HUB_TOKEN"}
LEAST_SECRET = 6
"""A shorter secret is not looked for in what is printed: it would be found everywhere."""
REFUSAL = "refusal"
"""In a worker's result: why nothing was done, in one sentence for people; `code` beside it is the exit code."""
Say = Callable[[str], None]


def carry_out(
    step: Step, home: Path, environ: Mapping[str, str], say: Say, tick: Say | None = None
) -> tuple[Path | None, Mapping[str, Any]]:
    """Make it unless it is there; where it is, and what the worker said of it (empty where it was there already).

    `say` gets a line when it starts, every line of the worker's, and its seconds when it ends; `tick` what it is at,
    as often as that moves, for a terminal. Raises `Refusal` with the worker's last lines if it fails, with its own
    words if it refuses, and where the disk does not take what is made.
    """
    result: dict[str, Any] = {}
    attempt = _Attempt(step, environ, say, tick)
    say(f"{step.title} ...")
    try:
        if step.entry is None:
            result.update(attempt.work(None))
            place = None
        else:

            def build(partial: Path) -> None:
                with cache.reading(step.reads, home):
                    result.update(attempt.work(partial))

            place = cache.ensure(step.entry, home, build, say, anew=step.anew)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise Refusal(f"{step.title}: {error.strerror or error}{where}; nothing of it was kept", FAILED) from error
    took = f"done in {time.monotonic() - attempt.began:.1f} s" if attempt.has_worked else "made before"
    say(f"{step.title}: {took}" + (f", {place}" if place else ""))
    return place, result


def worker_environment(step: Step, environ: Mapping[str, str]) -> dict[str, str]:
    """What the worker sees: everything but secrets that are not named for it, and its libraries' settings."""
    kept = {name: value for name, value in environ.items() if name not in SECRETS or name in step.secrets}
    return {**kept, **step.environ}


class StepRefused(Refusal):
    """A worker says that it will not, or could not. `told`: everything that its result has."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        super().__init__(str(told[REFUSAL]), int(told.get("code", FAILED)))
        self.told = told


class _Attempt:
    """One try to make what a step makes."""

    def __init__(self, step: Step, environ: Mapping[str, str], say: Say, tick: Say | None) -> None:
        self.step = step
        self.environ = environ
        self.say = say
        self.tick = tick
        self.began = time.monotonic()
        self.has_worked = False
        self._said = self.began
        self._at = ""
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._hidden = sorted(
            (value for name, value in environ.items() if name in SECRETS and len(value) >= LEAST_SECRET),
            key=len,
            reverse=True,
        )

    def work(self, output: Path | None) -> Mapping[str, Any]:
        """Run the worker. What it wrote into its `result.json`, nothing if it wrote none."""
        self.has_worked = True
        with tempfile.TemporaryDirectory(prefix="yap-", ignore_cleanup_errors=True) as folder:
            job = Path(folder, "job.json")
            job.write_text(json.dumps({**self.step.job, "output": str(output) if output else None}), encoding="utf-8")
            self._run([*self.step.program, str(job)])
            result = self._result(job.with_name("result.json"))
            if REFUSAL in result:
                raise StepRefused(result)
            return result

    def _run(self, command: list[str]) -> None:
        with worker.running(command, worker_environment(self.step, self.environ)) as process:
            for line in worker.listen(process):
                self._hear(line)
            code = process.wait()
        if code:
            how = f"exit code {code}" if code > 0 else _name(-code)
            shown = "\n".join(f"    {line}" for line in self._tail) or "    (it printed nothing)"
            raise Refusal(f"{self.step.title}: failed with {how}. Its last lines:\n{shown}", FAILED)

    def _hear(self, line: worker.Line | None) -> None:
        now = time.monotonic()
        text = self._clean(line.text) if line else ""
        if line and not line.is_progress:
            self._tail.append(text)
            self._said = now
            self.say(text)
        elif now - self._said >= (PROGRESS_S if text else SILENCE_S):
            self._said = now
            self.say(f"{self.step.title}: {text or 'at work'}, {now - self.began:.0f} s")
        if line:
            self._at = text if line.is_progress else ""
        if self.tick:
            self.tick(f"{self.step.title}  {now - self.began:.0f} s  {self._at}".rstrip())

    def _clean(self, text: str) -> str:
        for secret in self._hidden:
            text = text.replace(secret, "***")
        return text

    def _result(self, told: Path) -> Mapping[str, Any]:
        try:
            result = json.loads(told.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError:
            result = None
        if not isinstance(result, dict):
            raise Refusal(
                f"{self.step.title}: its worker ended well, but what it says it did is no JSON object", FAILED
            )
        return result


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


__all__ = ["StepRefused", "carry_out", "worker_environment"]
