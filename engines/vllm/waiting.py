"""How vLLM's processes wait for each other on a CPU: asleep between two looks, where vLLM would yield the processor.

A plugin of vLLM's (`vllm.general_plugins`, named in pyproject.toml), which loads it in each of its processes.
"""

import importlib
import os
from collections.abc import Mapping

from engines.guardian import MARK

LOADED_BY = "vllm.general_plugins"
SWITCH = "USE_SCHED_YIELD"
"""vLLM's own: False for Pythons whose `os.sched_yield` keeps the interpreter's lock; it calls `time.sleep(0)` then."""


def wait_asleep(environ: Mapping[str, str] = os.environ) -> None:  # noqa: TID251 - vLLM's processes have no other
    """Let an engine of ours on a CPU sleep; whatever else uses vLLM in this environment is left as it is.

    Its core and its worker look into shared memory for each other's message, without a pause, and call `sched_yield`
    some 20,000 times a second meanwhile. Linux 6.18 with `sched_autogroup_enabled` then gives their login session both
    of two cores for seconds: a client in another session did not run for 7 s, the kernel's own threads neither, and was
    shown out for taking nothing (docs/benchmarks/waiting.md). On a GPU one process has both parts, or there are cores.
    """
    if MARK in environ and importlib.import_module("vllm.platforms").current_platform.is_cpu():
        setattr(importlib.import_module("vllm.distributed.utils"), SWITCH, False)


__all__ = ["LOADED_BY", "SWITCH", "wait_asleep"]
