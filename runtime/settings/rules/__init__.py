"""What variables demand of each other. Only what settings, and the files they name, can tell; no engine, no device."""

from collections.abc import Iterator, Set

from runtime.settings.groups.words import EngineName
from runtime.settings.rules import engines, exports, lengths, models, orders
from runtime.settings.rules.conflict import Conflict
from runtime.settings.sections import Sections


def conflicts(settings: Sections, given: Set[str]) -> Iterator[Conflict]:
    """All conflicts. `given`: names of the variables that somebody set."""
    yield from models.conflicts(settings)
    yield from orders.conflicts(settings)
    yield from lengths.conflicts(settings)
    yield from engines.conflicts(settings, given)
    yield from exports.conflicts(settings)


def warnings(settings: Sections) -> tuple[str, ...]:
    """What is set and will not be honoured, one sentence each."""
    trt = settings.deployment.deploy_mode.chats and settings.deployment.inference_engine is EngineName.TRT
    if trt and settings.vllm.kv_dtype != "auto":
        return ("KV_DTYPE is ignored: with TensorRT-LLM the engine or checkpoint has its own type of KV cache",)
    return ()


__all__ = ["Conflict", "conflicts", "warnings"]
