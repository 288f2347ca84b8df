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

    Its core and its worker look into shared memory for each other's message without a pause, and yield in between,
    which on two cores can keep every other login session from running for seconds: docs/benchmarks/waiting.md. With
    several GPUs vLLM's workers wait as vLLM has it; nobody has measured that.
    """
    if MARK in environ and importlib.import_module("vllm.platforms").current_platform.is_cpu():
        setattr(importlib.import_module("vllm.distributed.utils"), SWITCH, False)


__all__ = ["LOADED_BY", "SWITCH", "wait_asleep"]
