"""Values that must stand in an order: least, default, greatest."""

import itertools
from collections.abc import Iterator

from runtime.settings.kinds import plain
from runtime.settings.rules.conflict import Conflict
from runtime.settings.sections import Sections


def conflicts(settings: Sections) -> Iterator[Conflict]:
    """Orders that hold whatever is served: a value outside its own bounds makes no sense in any mode."""
    chat, engine, vllm = settings.chat, settings.engine, settings.vllm
    yield from _ascending(
        ("ENGINE_STALL_TIMEOUT_S", engine.stall_timeout_s), ("ENGINE_HANG_TIMEOUT_S", engine.hang_timeout_s)
    )
    yield from _ascending(
        ("TRIMMED_HISTORY_LENGTH", chat.trimmed_history_length),
        ("HISTORY_MAX_TOKENS", chat.history_max_tokens),
        strictly=True,
    )
    yield from _ascending(
        ("MAX_NUM_SEQS_MIN_FLOOR", vllm.max_num_seqs_min_floor),
        ("MAX_NUM_SEQS_MAX_RESOLVED", vllm.max_num_seqs_max_resolved),
    )
    yield from _ascending(
        ("MAX_NUM_SEQS_GPU_THRESHOLD_SMALL", vllm.max_num_seqs_gpu_threshold_small_gib),
        ("MAX_NUM_SEQS_GPU_THRESHOLD_MEDIUM", vllm.max_num_seqs_gpu_threshold_medium_gib),
        ("MAX_NUM_SEQS_GPU_THRESHOLD_LARGE", vllm.max_num_seqs_gpu_threshold_large_gib),
        strictly=True,
    )
    yield from _ascending(
        ("MAX_NUM_SEQS_ALLOCATION_RATIO_MIN", vllm.max_num_seqs_allocation_ratio_min),
        ("MAX_NUM_SEQS_ALLOCATION_RATIO_MAX", vllm.max_num_seqs_allocation_ratio_max),
    )
    for name, default, least, greatest in _sampling(settings):
        bounds = (f"{name}_MIN", f"{name}_MAX")
        if least > greatest:
            yield Conflict(bounds[0], f"{plain(least)} is above {bounds[1]} ({plain(greatest)})", bounds)
        elif not least <= default <= greatest:
            allowed = f"{bounds[0]}..{bounds[1]} ({plain(least)}..{plain(greatest)})"
            yield Conflict(name, f"{plain(default)} is not within {allowed}", bounds)


def _ascending(*values: tuple[str, float], strictly: bool = False) -> Iterator[Conflict]:
    for (low_name, low), (high_name, high) in itertools.pairwise(values):
        if low > high or (strictly and low == high):
            limit = "is not below" if strictly else "is above"
            yield Conflict(low_name, f"{plain(low)} {limit} {high_name} ({plain(high)})", (high_name,))


def _sampling(settings: Sections) -> Iterator[tuple[str, float, float, float]]:
    chat = settings.chat
    yield "CHAT_TEMPERATURE", chat.temperature, chat.temperature_min, chat.temperature_max
    yield "CHAT_TOP_P", chat.top_p, chat.top_p_min, chat.top_p_max
    yield "CHAT_TOP_K", chat.top_k, chat.top_k_min, chat.top_k_max
    yield "CHAT_MIN_P", chat.min_p, chat.min_p_min, chat.min_p_max
    yield (
        "CHAT_REPETITION_PENALTY",
        chat.repetition_penalty,
        chat.repetition_penalty_min,
        chat.repetition_penalty_max,
    )
    yield "CHAT_PRESENCE_PENALTY", chat.presence_penalty, chat.presence_penalty_min, chat.presence_penalty_max
    yield "CHAT_FREQUENCY_PENALTY", chat.frequency_penalty, chat.frequency_penalty_min, chat.frequency_penalty_max


__all__ = ["conflicts"]
