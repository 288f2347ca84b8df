"""Exceptions as logs show them: what was raised and where, in a few lines, without a word of what it was about.

No local variables, and no message of somebody else's exception: it may quote what it choked on, which may be a key or
what a user said. Our own errors and the operating system's say what happened in words of their own.
"""

import traceback
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from structlog.typing import ExcInfo

MAX_ERRORS = 6
MAX_FRAMES = 12
"""Of one exception, the innermost: a nursery's own frames stand at the other end."""
OURS = frozenset({"actors", "engines", "protocol", "runtime", "tooling"})
ROOT = Path(__file__).parents[1]


def render(exc_info: ExcInfo) -> str:
    """An exception with its causes, or the members of a group, one after the other; at most `MAX_ERRORS`."""
    errors = list(with_causes(exc_info[1]))
    shown = [_one(error) for error in errors[:MAX_ERRORS]]
    if len(errors) > MAX_ERRORS:
        shown.append(f"and {len(errors) - MAX_ERRORS} more")
    return "\n".join(shown)


def with_causes(error: BaseException) -> Iterator[BaseException]:
    """An exception and what it came of; of a group its members, with theirs. Each once: causes can run in a circle."""
    waiting, seen = [error], set[int]()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, BaseExceptionGroup):
            waiting.extend(reversed(one.exceptions))
            continue
        yield one
        cause = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
        if cause is not None:
            waiting.append(cause)


def leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors of a group, however deep in groups they are; of any other, itself."""
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from leaves(one)
    else:
        yield error


def _one(error: BaseException) -> str:
    return "\n".join([f"{type(error).__qualname__}{_words(error)}", *_places(error.__traceback__)])


def _words(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror is not None:
        return f": [Errno {error.errno}] {error.strerror}"
    package = type(error).__module__.partition(".")[0]
    return f": {error}" if package in OURS else ""


def _places(start: TracebackType | None) -> Iterator[str]:
    frames = traceback.extract_tb(start)
    for frame in frames[-MAX_FRAMES:]:
        yield f"  {_short(frame.filename)}:{frame.lineno} in {frame.name}"


def _short(filename: str) -> str:
    path = Path(filename)
    for base in (*(each for each in path.parents if each.name == "site-packages"), ROOT):
        if path.is_relative_to(base):
            return str(path.relative_to(base))
    return filename


__all__ = ["MAX_ERRORS", "OURS", "ROOT", "leaves", "render", "with_causes"]
