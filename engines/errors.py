"""What an engine can say went wrong. Foreign exceptions are translated into these at the adapter's door."""


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


__all__ = [
    "EngineDead",
    "EngineError",
    "EngineHung",
    "EngineOverloaded",
    "EngineStartFailed",
    "EngineUnavailable",
    "TurnFailed",
]
