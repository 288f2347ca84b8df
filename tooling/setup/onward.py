"""What goes on once the set-up is done: the program that a recipe is for, in the environment that was made for it."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tooling.setup.stages import SPACE_BYTES

# What a command says that only tells something: its help, or what it would do. Nothing is installed for that.
TELLING = frozenset({"-h", "--help", "--plan", "--dry-run"})
GB = 1e9


def only_tells(words: Sequence[str]) -> bool:
    """Whether a command changes nothing. `words`: its module, then its own."""
    return not TELLING.isdisjoint(words[1:])


def python_of(root: Path, target: str) -> Path:
    """The interpreter of an environment."""
    return root / ".venvs" / target / "bin" / "python"


def teller(root: Path, target: str) -> Path | None:
    """An interpreter that is there and can tell what a command for `target` would: its own at best."""
    places = (python_of(root, name) for name in dict.fromkeys((target, "cpu", "vllm", "trt")) if name != "quant")
    return next((place for place in places if place.exists()), None)


def untold(target: str, words: Sequence[str]) -> str:
    """What is said where nothing is installed that could tell more."""
    made = f"`just setup {target}` makes .venvs/{target} ({SPACE_BYTES[target] / GB:.0f} GB of room)"
    if {"-h", "--help"}.isdisjoint(words):
        return f"nothing is installed yet, so that comes first: {made}; what comes after it can be told then"
    return f"nothing is installed yet, and help installs nothing: {made}, which tells more; see docs/operations.md"


def become(python: Path, words: Sequence[str], environ: Mapping[str, str]) -> int:
    """Go on as `python -m` these words, in this process."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(python, [str(python), "-m", *words], dict(environ))  # noqa: S606  # our own program


__all__ = ["become", "only_tells", "python_of", "teller", "untold"]
