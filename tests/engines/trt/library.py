"""The stand-in put where TensorRT-LLM would be, for this process and its children."""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STANDIN = Path(__file__).with_name("standin")


@contextmanager
def standing_in() -> Iterator[None]:
    """`import tensorrt_llm` finds the stand-in, freshly imported."""
    sys.path.insert(0, str(STANDIN))
    importlib.invalidate_caches()
    _forget()
    try:
        yield
    finally:
        sys.path.remove(str(STANDIN))
        _forget()


def _forget() -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "tensorrt_llm"]:
        del sys.modules[name]


__all__ = ["STANDIN", "standing_in"]
