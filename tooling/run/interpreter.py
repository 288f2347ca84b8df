"""Whose Python a launch runs in: each target has an environment of its own below the checkout, and engines exclude
each other.
"""

import sys
from pathlib import Path

from tooling.refusal import REFUSED, Refusal
from tooling.run.machine import GPU_DEVICE

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ".venvs"


def python_for(target: str, *, root: Path = ROOT, prefix: Path | None = None, gpu: Path = GPU_DEVICE) -> Path | None:
    """The interpreter that a target needs, None where that is this one.

    `target`: cpu, vllm, trt or tool. `prefix`: where this interpreter's environment is. An interpreter from elsewhere,
    as in an image, serves everything. Raises `Refusal` (3) where vLLM's environment is missing; without TensorRT-LLM's
    this one goes on, and says what to install.
    """
    venvs, here = (root / ENVIRONMENTS).resolve(), (prefix or Path(sys.prefix)).resolve()
    if here.parent != venvs:
        return None
    wanted = {"cpu": "cpu", "vllm": "vllm", "trt": "trt"}.get(target) or _of_tool(venvs, gpu)
    python = venvs / wanted / "bin" / "python"
    if here.name == wanted or (wanted == "trt" and not python.exists()):
        return None
    if not python.exists():
        raise Refusal(f"there is no environment {ENVIRONMENTS}/{wanted}: just setup {wanted} makes it", REFUSED)
    return python


def _of_tool(venvs: Path, gpu: Path) -> str:
    """The environment with the torch that fits this machine."""
    return "vllm" if gpu.exists() and (venvs / "vllm" / "bin" / "python").exists() else "cpu"


__all__ = ["python_for"]
