"""From settings and facts to a `VllmConfig`: pure, complete, and with every complaint at once."""

import importlib.util
from collections.abc import Callable, Mapping

from attrs import field, frozen

from engines.errors import EngineStartFailed
from engines.quantised import Format, refusal, remark
from engines.vllm.config import VllmConfig
from engines.vllm.sizing import Sizing, max_num_seqs
from engines.vllm.traits import ModelFacts, kv_cache_dtype


@frozen(kw_only=True)
class Wanted:
    """Plain values of the settings that concern vLLM, under the settings' names in lower case where they differ.

    `gpu_fraction`: `CHAT_GPU_FRAC`; `fraction_cap`: `MEMORY_OPT_GPU_FRAC_CAP`; `quantization`: `CHAT_QUANTIZATION`.
    `logit_bias` and `banned_phrases` are already encoded.
    """

    model: str
    revision: str | None = None
    trust_remote_code: bool = False
    quantization: str = "auto"
    kv_dtype: str = "auto"
    max_len: int = 5025
    gpu_fraction: float = 0.9
    fraction_cap: float = 0.85
    kv_cache_bytes: int | None = None
    max_num_seqs: int | None = None
    max_num_batched_tokens: int = 2048
    sizing: Sizing = field(factory=Sizing)
    attention_backend: str | None = None
    enforce_eager: bool = False
    tensor_parallel: int = 1
    pipeline_parallel: int = 1
    data_parallel: int = 1
    distributed_backend: str | None = None
    logit_bias: Mapping[int, float] = field(factory=dict)
    banned_phrases: tuple[str, ...] = ()


@frozen(kw_only=True)
class Devices:
    """The GPUs the engine may use, total and free memory in GiB in one order; none: it runs on the CPU."""

    total_gib: tuple[float, ...] = ()
    free_gib: tuple[float, ...] = ()


@frozen
class Plan:
    """What to open, and what the operator should know about it."""

    config: VllmConfig
    warnings: tuple[str, ...] = ()


def _is_importable(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def plan(
    wanted: Wanted,
    model: ModelFacts,
    checkpoint: Format | None,
    devices: Devices,
    *,
    is_importable: Callable[[str], bool] = _is_importable,
) -> Plan:
    """Resolve everything. Raises `EngineStartFailed` with all complaints, one line each."""
    fraction = min(wanted.gpu_fraction, wanted.fraction_cap) if model.memory_hungry else wanted.gpu_fraction
    used = _used(wanted, devices)
    smallest = min(used.total_gib, default=None)
    running = wanted.max_num_seqs or max_num_seqs(
        fraction, smallest, memory_hungry=model.memory_hungry, sizing=wanted.sizing
    )
    quantization, warnings, complaints = _quantization(wanted.quantization, checkpoint)
    complaints += _model_complaints(wanted, model, is_importable)
    complaints += _device_complaints(wanted, devices, is_importable)
    complaints += _memory_complaints(wanted, used, fraction)
    if wanted.max_num_batched_tokens < running:
        complaints.append(
            f"MAX_NUM_BATCHED_TOKENS_CHAT is {wanted.max_num_batched_tokens}: it must be at least the number of "
            f"running requests, {running}"
        )
    if complaints:
        raise EngineStartFailed("\n".join(complaints))
    config = VllmConfig(
        model=wanted.model,
        revision=wanted.revision,
        trust_remote_code=wanted.trust_remote_code,
        max_model_len=wanted.max_len,
        max_num_seqs=running,
        max_num_batched_tokens=wanted.max_num_batched_tokens,
        gpu_memory_utilization=fraction,
        kv_cache_bytes=wanted.kv_cache_bytes,
        kv_cache_dtype=kv_cache_dtype(wanted.kv_dtype),
        quantization=quantization,
        dtype=model.dtype,
        attention_backend=wanted.attention_backend,
        enforce_eager=wanted.enforce_eager,
        tensor_parallel=wanted.tensor_parallel,
        pipeline_parallel=wanted.pipeline_parallel,
        data_parallel=wanted.data_parallel,
        distributed_backend=wanted.distributed_backend,
        logit_bias=wanted.logit_bias,
        banned_phrases=wanted.banned_phrases,
    )
    return Plan(config, tuple(warnings))


def _quantization(asked: str, checkpoint: Format | None) -> tuple[str | None, list[str], list[str]]:
    # The engine's argument, warnings, complaints. A quantised checkpoint is never given one: vLLM reads its config.
    if asked == "int8_sq":
        return None, [], ["CHAT_QUANTIZATION is int8_sq: that is TensorRT-LLM's; use 8bit with vLLM"]
    if refused := refusal(asked, checkpoint, "the checkpoint"):
        return None, [], [refused]
    if checkpoint is None:
        if asked in ("fp8", "8bit"):
            return "fp8_per_channel", [], []
        if asked in ("4bit", "awq"):
            return None, [f"{asked} was asked for; the checkpoint is not quantised and is served as it is"], []
    told = remark(asked, checkpoint)
    return None, [told] if told else [], []


def _model_complaints(wanted: Wanted, model: ModelFacts, is_importable: Callable[[str], bool]) -> list[str]:
    complaints = []
    if model.max_len is not None and wanted.max_len > model.max_len:
        complaints.append(f"CHAT_MAX_LEN is {wanted.max_len}: {wanted.model} has a context of {model.max_len} tokens")
    if model.package is not None and not is_importable(model.package):
        complaints.append(f"models of type {model.model_type} need the Python package {model.package}: install it")
    backend = wanted.attention_backend
    if model.mla and backend is not None and "MLA" not in backend.upper():
        complaints.append(
            f"VLLM_ATTENTION_BACKEND is {backend}: models of type {model.model_type} need an MLA backend; unset it"
        )
    return complaints


def _world(wanted: Wanted) -> int:
    return wanted.tensor_parallel * wanted.pipeline_parallel * wanted.data_parallel


def _used(wanted: Wanted, devices: Devices) -> Devices:
    # The engine takes the first so many that it sees; Ray may place a rank on any.
    count = None if wanted.distributed_backend == "ray" else _world(wanted)
    return Devices(total_gib=devices.total_gib[:count], free_gib=devices.free_gib[:count])


def _device_complaints(wanted: Wanted, devices: Devices, is_importable: Callable[[str], bool]) -> list[str]:
    if wanted.distributed_backend == "ray":
        missing = not is_importable("ray")
        return ["CHAT_DISTRIBUTED_BACKEND is ray: install the Python package ray on every machine"] if missing else []
    world, visible = _world(wanted), len(devices.total_gib)
    if visible and world > visible:
        return [
            f"tensor x pipeline x data parallelism needs {world} GPUs, {visible} visible; "
            "CHAT_DISTRIBUTED_BACKEND=ray spans machines"
        ]
    return []


def _memory_complaints(wanted: Wanted, used: Devices, fraction: float) -> list[str]:
    if wanted.kv_cache_bytes is not None:
        return []
    return [
        f"GPU {index} has {free:.1f} GiB free of {total:.1f}; CHAT_GPU_FRAC {fraction:g} wants {fraction * total:.1f} "
        "GiB: end what else uses it, or lower CHAT_GPU_FRAC"
        for index, (total, free) in enumerate(zip(used.total_gib, used.free_gib, strict=True))
        if free < fraction * total
    ]


__all__ = ["Devices", "Plan", "Wanted", "plan"]
