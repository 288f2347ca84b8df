"""The CUDA toolkit of a machine: what nvcc says."""

import re
import shutil
import subprocess
from collections.abc import Mapping

from tooling.gpus.nvidia import output

NVCC = "/usr/local/cuda/bin/nvcc"
RELEASE = re.compile(r"release ([0-9]+\.[0-9]+)")


def toolkit(environ: Mapping[str, str]) -> str:
    """Its version as `13.1`, empty where there is none. `environ` says by its `PATH` where nvcc is."""
    nvcc = shutil.which("nvcc", path=environ.get("PATH")) or NVCC
    try:
        found = RELEASE.search(output(environ, (nvcc, "--version")))
    except (OSError, subprocess.SubprocessError):
        return ""
    return found[1] if found else ""


__all__ = ["toolkit"]
