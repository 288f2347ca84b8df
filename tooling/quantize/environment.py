"""The environment that quantises: where it is, what it holds according to its lock, and what its workers are told."""

from collections.abc import Mapping
from pathlib import Path

from tooling.refusal import REFUSED, Refusal

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venvs" / "quant" / "bin" / "python"
LOCK = Path("tooling") / "locks" / "quant.txt"
# What decides the result: they are part of the key, and a worker refuses to work with others.
TOOLS = ("llmcompressor", "compressed-tensors", "transformers")
WORKER_ENVIRON = {
    "PYTHONPATH": str(ROOT),
    "PYTHONUNBUFFERED": "1",
    "TOKENIZERS_PARALLELISM": "false",
    # Calibration allocates blocks of every size; without it a GPU's memory falls into pieces.
    "PYTORCH_ALLOC_CONF": "expandable_segments:True",
    "LLM_COMPRESSOR_LOG_LEVEL": "WARNING",
    # Threads that wait must not spin: on a machine that does anything else it takes ten times as long.
    "OMP_WAIT_POLICY": "PASSIVE",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    # tqdm's: a bar that has ended goes away, and bars within bars are drawn in one line.
    "TQDM_LEAVE": "",
    "TQDM_POSITION": "0",
}


def versions(root: Path = ROOT) -> Mapping[str, str]:
    """The pinned versions of what decides the result."""
    lines = (root / LOCK).read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==", 1) for line in lines if "==" in line and not line.startswith("#"))
    return {name: pins[name] for name in TOOLS}


def require_environment(python: Path = PYTHON) -> None:
    """Raises `Refusal` where there is nothing to quantise with."""
    if not python.exists():
        raise Refusal(f"nothing here can quantise, {python} is missing: just setup quant", REFUSED)


__all__ = ["PYTHON", "ROOT", "TOOLS", "WORKER_ENVIRON", "require_environment", "versions"]
