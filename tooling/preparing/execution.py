"""Carries a step out: a worker of its own process group, its output kept, nothing half-made left behind."""

import contextlib
import json
import os
import signal
import subprocess
import tempfile
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from runtime.settings.sections import VARIABLES
from tooling import cache
from tooling.preparing.step import Step
from tooling.refusal import FAILED, Refusal
from tooling.setup.output import lines

TAIL_LINES = 60
GRACE_S = 10.0
"""What a worker gets between being asked to end and being ended."""
SECRETS = {name for name, variable in VARIABLES.items() if variable.secret} | {"HUGGING_FACE_HUB_TOKEN"}
Say = Callable[[str], None]


def carry_out(step: Step, home: Path, environ: Mapping[str, str], say: Say) -> tuple[Path | None, Mapping[str, Any]]:
    """Make it unless it is there; where it is, and what the worker said of it (empty where it was there already).

    `say` gets every line of the worker's. Raises `Refusal` with the worker's last lines if it fails.
    """
    result: dict[str, Any] = {}
    if step.entry is None:
        result.update(_work(step, None, environ, say))
        return None, result
    place = cache.ensure(step.entry, home, lambda partial: result.update(_work(step, partial, environ, say)), say)
    return place, result


def _work(step: Step, output: Path | None, environ: Mapping[str, str], say: Say) -> Mapping[str, Any]:
    with tempfile.TemporaryDirectory(prefix="yap-") as folder:
        job = Path(folder, "job.json")
        job.write_text(json.dumps({**step.job, "output": str(output) if output else None}), encoding="utf-8")
        _run([*step.program, str(job)], worker_environment(step, environ), step, say)
        told = job.with_name("result.json")
        return dict(json.loads(told.read_text(encoding="utf-8"))) if told.exists() else {}


def worker_environment(step: Step, environ: Mapping[str, str]) -> dict[str, str]:
    """What the worker sees: everything but secrets that are not named for it, and its libraries' settings."""
    kept = {name: value for name, value in environ.items() if name not in SECRETS or name in step.secrets}
    return {**kept, **step.environ}


def _run(command: list[str], environ: Mapping[str, str], step: Step, say: Say) -> None:
    tail: deque[str] = deque(maxlen=TAIL_LINES)
    worker = subprocess.Popen(
        command,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        process_group=0,
    )
    try:
        for line in filter(None, lines(worker)):
            tail.append(line)
            say(line)
        worker.wait()
    finally:
        _end(worker)
    if worker.returncode:
        how = f"exit code {worker.returncode}" if worker.returncode > 0 else signal.Signals(-worker.returncode).name
        shown = "\n".join(f"    {line}" for line in tail) or "    (it printed nothing)"
        raise Refusal(f"{step.title}: failed with {how}. Its last lines:\n{shown}", FAILED)


def _end(worker: subprocess.Popen[bytes]) -> None:
    """Whatever ends us ends the worker and all that it started."""
    if worker.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(worker.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            worker.wait(GRACE_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()


__all__ = ["carry_out", "worker_environment"]
