"""What runs here because of us, and what a launch with these settings would do."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tooling.doctor.facts import Launch, Planned
from tooling.running import State, StateUnreadable, every_state

# A model's files are looked up on the Hub, which may be slow to say that it cannot be reached.
PLAN_S = 120.0
TARGETS = {"cpu": "--cpu", "vllm": "--vllm", "trt": "--trt"}


def launches(home: Path) -> tuple[Launch, ...]:
    """Every launch that was written down below `YAP_HOME`."""
    return tuple(_launch(found) for found in every_state(home))


def planned(python: str, engine: str, environ: Mapping[str, str]) -> Planned:
    """What `tooling.run` plans in a child of the interpreter that would serve; makes and downloads nothing."""
    command = [python, "-m", "tooling.run", TARGETS[engine], "--plan", "--json"]
    try:
        done = subprocess.run(
            command,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PLAN_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Planned(trouble=f"no plan within {PLAN_S:.0f} s")
    except OSError as error:
        return Planned(trouble=f"{python} cannot be started: {error.strerror or error}")
    return read_plan(done.stdout, done.stderr.splitlines())


def read_plan(document: str, complaints: Sequence[str]) -> Planned:
    """The plan that was printed; `complaints`: what stood on stderr, the reason where there is none."""
    try:
        plan = json.loads(document)
        work = [step for step in plan["steps"] if not step["is_made"]]
        return Planned(
            work=tuple(step["title"] for step in work),
            disk_gb=sum(step["disk_bytes"] for step in work) / 1e9,
            refusals=tuple(each["text"] for each in plan["refused"]),
        )
    except (ValueError, KeyError, TypeError):
        said = [line.strip() for line in complaints if line.strip()]
        return Planned(trouble=said[-1] if said else "it printed no plan")


def _launch(found: State | StateUnreadable) -> Launch:
    if isinstance(found, StateUnreadable):
        return Launch(trouble=str(found))
    return Launch(words=found.described(), port=found.port, alive=found.is_alive(), stale=found.is_stale())


__all__ = ["launches", "planned", "read_plan"]
