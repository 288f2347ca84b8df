"""The chat engine's actor: one mailbox, the only owner of the engine's places and requests."""

from actors.engine.actor import EngineActor
from actors.engine.condition import EngineLimits, EngineState, EngineStats
from actors.engine.exchange import Exchange

__all__ = ["EngineActor", "EngineLimits", "EngineState", "EngineStats", "Exchange"]
