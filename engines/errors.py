"""What an engine can say went wrong. Foreign exceptions are translated into these at the adapter's door."""

# Error texts go to logs; more than this is somebody's data.
_MAX_WORDS = 400


class EngineError(Exception):
    """An engine could not do what was asked; the message is for operators, never for a client."""


class TurnFailed(EngineError):
    """One request failed; the engine itself goes on."""


class EngineOverloaded(EngineError):
    """The engine's queue is full: the request was not taken."""


class EngineUnavailable(EngineError):
    """The engine is starting, restarting or stalled: the request was not taken."""


class EngineHung(EngineError):
    """The engine did not confirm an abort, or made no progress with work pending, within its deadline."""


class EngineDead(EngineError):
    """The engine's processes are gone or it reported a fatal error; only a restart helps."""


class EngineStartFailed(EngineError):
    """The engine did not come up; the message holds the engine's own words."""


def describe(error: BaseException) -> str:
    """An exception in one short line: its type and its text, without the input that pydantic repeats in it."""
    lines = [line.partition("[type=")[0].strip() for line in str(error).splitlines()]
    text = "; ".join(line for line in lines if line and not line.startswith("For further information"))
    return f"{type(error).__name__}: {text}"[:_MAX_WORDS].removesuffix(": ")


__all__ = [
    "EngineDead",
    "EngineError",
    "EngineHung",
    "EngineOverloaded",
    "EngineStartFailed",
    "EngineUnavailable",
    "TurnFailed",
    "describe",
]
