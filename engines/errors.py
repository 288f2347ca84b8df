"""What an engine can say went wrong. Foreign exceptions are translated into these at the adapter's door."""

import errno
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Error texts go to logs; more than this is somebody's data.
_MAX_WORDS = 400
_MAX_CAUSES = 4
# No descriptor, memory, buffer, process or room left: errno(3).
_SCARCE = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EAGAIN, errno.ENOSPC}


class EngineError(Exception):
    """An engine could not do what was asked; the message is for operators, never for a client."""


class TurnFailed(EngineError):
    """One request failed; the engine itself goes on."""


class TextRefused(TurnFailed):
    """The model's chat template does not take a text; no engine has seen it."""


class EngineOverloaded(EngineError):
    """The engine's queue is full: the request was not taken."""


class EngineUnavailable(EngineError):
    """The engine is starting, restarting or stalled: the request was not taken."""


class EngineHung(EngineError):
    """The engine did not confirm an abort, or made no progress with work pending, within its deadline.

    The message is in words of ours alone: it leaves the machine with reports of errors.
    """


class EngineDead(EngineError):
    """The engine's processes are gone or it reported a fatal error; only a restart helps."""


class EngineStartFailed(EngineError):
    """The engine did not come up; the message holds the engine's own words."""


class EngineUnfit(EngineStartFailed):
    """What was to be loaded was made for another machine, library or size than is asked for; the message has both."""


def describe(error: BaseException) -> str:
    """An exception in one short line: its type and its text, without the input that pydantic repeats in it."""
    lines = [line.partition("[type=")[0].strip() for line in str(error).splitlines()]
    text = "; ".join(line for line in lines if line and not line.startswith("For further information"))
    return f"{type(error).__name__}: {text}"[:_MAX_WORDS].removesuffix(": ")


def is_scarcity(error: BaseException) -> bool:
    """Whether it says that the system has run out of something for now, which says nothing of an engine."""
    return isinstance(error, OSError) and error.errno in _SCARCE


def chain(error: BaseException) -> str:
    """An exception and what it came of, the root cause last, in one line. Of a group, its first exception."""
    words: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(words) < _MAX_CAUSES:
        cause = _leaf(cause)
        words.append(describe(cause))
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return " <- ".join(dict.fromkeys(words))


def _leaf(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def place(error: BaseException) -> str:
    """What kind of exception, and where it was raised; nothing of what it says, which may be anybody's data."""
    error = _leaf(error)
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {'/'.join(Path(frames[-1].filename).parts[-3:])}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"


def told(error: BaseException) -> str:
    """What a log may say of it: the words of ours and of the system's errors, of others their kind and place only."""
    error = _leaf(error)
    if isinstance(error, EngineError):
        return str(error)
    return describe(error) if isinstance(error, OSError) else f"unforeseen: {place(error)}"


@contextmanager
def door(kind: type[EngineError], what: str) -> Iterator[None]:
    """Whatever is raised inside comes out as an engine's error: those as they are, others as one of this `kind`.

    `what`: what did not work, in words. Others are an `OSError` because descriptors, memory or threads have run out, or
    whatever a library or a model's own code raises.
    """
    try:
        yield
    except EngineError:
        raise
    except Exception as error:
        raise kind(f"{what}: {chain(error)}") from error


__all__ = [
    "EngineDead",
    "EngineError",
    "EngineHung",
    "EngineOverloaded",
    "EngineStartFailed",
    "EngineUnavailable",
    "EngineUnfit",
    "TextRefused",
    "TurnFailed",
    "chain",
    "describe",
    "door",
    "is_scarcity",
    "place",
    "told",
]
