"""How a server ended, in words for people: what happened, what that probably means, and what to do."""

import re
import signal
from collections.abc import Iterable, Mapping
from pathlib import Path

from engines.errors import EngineStartFailed
from runtime.gpus import visible_gpus
from runtime.settings import Settings
from tooling.keeper.memory import HINT, LONGEST, remedy

KIB_PER_GIB = 1 << 20


def how(code: int) -> str:
    """A return code of `subprocess` in words."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def while_starting(
    code: int, said: tuple[str | None, Iterable[str]], settings: Settings, environ: Mapping[str, str], log: Path
) -> str:
    """The sentences about a server that never became ready. `said`: the line by which memory did not suffice, if any
    was that clear, and its last lines.
    """
    lines = [f"the server ended while it started ({how(code)}); everything it said: {log}"]
    clear, tail = said
    line = clear or next((line for line in tail if HINT.search(line)), None)
    if line is not None:
        fractions = f"CHAT_GPU_FRAC={settings.engine.gpu_frac:g}, TOOL_GPU_FRAC={settings.tools.gpu_frac:g}"
        lines.append(
            f"a GPU's memory did not suffice ({line.strip()[:LONGEST]}): {fractions}; {_free(environ)}. {remedy(line)}"
        )
    elif code == -signal.SIGKILL:
        lines.append(f"probably the kernel, for want of main memory ({_main_memory()}); see dmesg")
    return "\n".join(lines)


def _free(environ: Mapping[str, str]) -> str:
    try:
        gpus = visible_gpus(environ)
    except EngineStartFailed as error:
        return str(error)
    told = [f"GPU {gpu.index} has {gpu.free_gib:.1f} GiB free of {gpu.total_gib:.1f}" for gpu in gpus]
    return ", ".join(told) or "no GPU is visible"


def _main_memory() -> str:
    try:
        found = dict(re.findall(r"(\w+):\s+(\d+) kB", Path("/proc/meminfo").read_text("ascii")))
        free, total = (int(found[name]) / KIB_PER_GIB for name in ("MemAvailable", "MemTotal"))
    except (OSError, KeyError, ValueError):
        return "how much is free is not known"
    return f"{free:.1f} GiB of {total:.1f} are free now"


__all__ = ["how", "while_starting"]
