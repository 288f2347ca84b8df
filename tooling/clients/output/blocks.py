"""The parts of a report that people read: its title, one block per exchange; as lines, without colour."""

import textwrap
import unicodedata
from collections.abc import Sequence

from tooling.clients.session.exchange import Exchange

TITLE_WIDTH = 60
BLOCK_WIDTH = 40
LONGEST_LINE = 500
INDENT = "  "
JOINERS = "\n\u200c\u200d"  # the latter two hold signs of some scripts together, and people in emoji
SPEAKER = 6  # columns of "USER  ", under which the rest of a long text stands


def title(name: str, width: int = TITLE_WIDTH) -> str:
    """`──[ NAME ]──`, so many columns wide."""
    return f"[ {name} ]".center(width, "─")


def opening(turn: Exchange, width: int = 0) -> list[str]:
    """What is known of a turn when it is sent. `width`: columns to wrap at; 0: lines stay whole."""
    return [f"┌─ {turn.label} ".ljust(BLOCK_WIDTH, "─"), *said("USER", turn.user, width)]


def closing(turn: Exchange, width: int = 0) -> list[str]:
    """What came of it, whole or not."""
    text = f"[tool: {(turn.toolcall or {}).get('status')}]" if turn.tool_only else turn.meter.text()
    lines = said("ASST", text, width) if text else []
    if turn.toolcall is not None:
        lines += said("TOOL", _decision(turn), width)
    if turn.outcome != "done":
        lines.append(f"{INDENT}[{turn.outcome or 'unfinished'}]")
    return [*lines, INDENT + turn.meter.measured().line(), "└".ljust(BLOCK_WIDTH, "─")]


def said(speaker: str, text: str, width: int = 0) -> list[str]:
    """A text behind its speaker, its further lines under its first."""
    paragraphs = visible(text).splitlines() or [""]
    room = width - len(INDENT) - SPEAKER
    lines = [line for each in paragraphs for line in (textwrap.wrap(each, room) if room > SPEAKER else [each]) or [""]]
    margin = " " * SPEAKER
    return [f"{INDENT}{margin if number else f'{speaker:<{SPEAKER}}'}{line}" for number, line in enumerate(lines)]


def visible(text: str) -> str:
    """The text with control characters spelled out: what a server sends must not move a cursor. Newlines stay."""
    return "".join(each if _harmless(each) else _spelled(each) for each in text)


def one_line(text: str) -> str:
    """The same on one line, which is not endless."""
    line = visible(" ".join(text.split()))
    return line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]}..."


def pieces(names: Sequence[tuple[str, float | None]]) -> str:
    """`ttfb=679ms  3w=749ms`: those that are there, whole milliseconds."""
    return "  ".join(f"{name}={value:.0f}ms" for name, value in names if value is not None)


def _decision(turn: Exchange) -> str:
    status, score = (turn.toolcall or {}).get("status"), (turn.toolcall or {}).get("score")
    return f"{status} (score {score:.3f})" if isinstance(score, int | float) else str(status)


def _harmless(character: str) -> bool:
    return character.isprintable() or character in JOINERS or unicodedata.category(character) == "Zs"


def _spelled(character: str) -> str:
    return " " if character == "\t" else character.encode("unicode_escape").decode()


__all__ = ["closing", "one_line", "opening", "pieces", "said", "title", "visible"]
