"""The demo models a launch needs, made on first use."""

from collections.abc import Callable, Sequence
from pathlib import Path

from tooling.demo import chat, tool

Report = Callable[[str], None]
MAKERS: dict[str, Callable[[Path, Report], Path]] = {"chat": chat.ensure, "tool": tool.ensure}


def ensure(kinds: Sequence[str], home: Path, report: Report) -> dict[str, Path]:
    """Where each of these demo models is; made now if it is not there yet (a minute or two each)."""
    return {kind: MAKERS[kind](home, report) for kind in kinds}


__all__ = ["ensure"]
