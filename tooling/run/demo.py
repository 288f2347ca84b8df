"""The demo models a launch needs, made on first use."""

from collections.abc import Callable, Sequence
from pathlib import Path

from tooling.demo import chat
from tooling.run.machine import Refusal

MAKERS = {"chat": chat.ensure}


def ensure(kinds: Sequence[str], home: Path, report: Callable[[str], None]) -> dict[str, Path]:
    """Where each of these demo models is; made now if it is not there yet. Raises `Refusal` for one there is not."""
    unknown = [kind for kind in kinds if kind not in MAKERS]
    if unknown:
        raise Refusal(f"there is no demo {unknown[0]} model: name one, for example with {unknown[0].upper()}_MODEL", 3)
    return {kind: MAKERS[kind](home, report) for kind in kinds}


__all__ = ["ensure"]
