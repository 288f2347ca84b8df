"""Chat engines: what all of them share."""

from attrs import frozen

from runtime.settings.groups.words import DistributedBackend
from runtime.settings.kinds import Float, Int, Word
from runtime.settings.variable import Derived, Lookup, optional, setting


def _one_unless_trt(of: Lookup) -> int | None:
    return None if of.text("INFERENCE_ENGINE") == "trt" else 1


@frozen(kw_only=True)
class Engine:
    """Chat engines: what all of them share. None means: known once the engine or its device is looked at."""

    max_queued: int | None = optional(
        "ENGINE_MAX_QUEUED",
        Int(0),
        "Requests that may wait behind the running ones; the next one is answered `engine_queue_full`.",
        unset="resolved running limit of the engine",
    )
    start_timeout_s: float = setting("ENGINE_START_TIMEOUT_S", Float(above=0), 1800.0, "Loading and warm-up together.")
    stall_timeout_s: float = setting(
        "ENGINE_STALL_TIMEOUT_S", Float(above=0), 10.0, "No output that long with work pending: not ready."
    )
    hang_timeout_s: float = setting(
        "ENGINE_HANG_TIMEOUT_S",
        Float(above=0),
        30.0,
        "The same, that long: the engine is restarted.",
        also=">= `ENGINE_STALL_TIMEOUT_S`",
    )
    gpu_frac: float = setting(
        "CHAT_GPU_FRAC",
        Float(above=0, high=0.98),
        Derived("0.90 in chat, 0.70 in both", lambda of: 0.70 if of.text("DEPLOY_MODE") == "both" else 0.90),
        "Share of the GPU's memory for the chat engine. In both, on one GPU, with `TOOL_GPU_FRAC` at most 1.",
    )
    kv_cache_bytes: int | None = optional(
        "CHAT_KV_CACHE_BYTES",
        Int(1048576),
        "vLLM: size of the KV cache; unset: by `CHAT_GPU_FRAC`.",
        unset="CPU: 1073741824; GPU: unset",
    )
    tensor_parallel: int | None = optional(
        "CHAT_TENSOR_PARALLEL",
        Int(1),
        "GPUs that share each layer.",
        unset="1; TRT at run time: the engine's",
        value=_one_unless_trt,
    )
    pipeline_parallel: int | None = optional(
        "CHAT_PIPELINE_PARALLEL",
        Int(1),
        "Stages that the layers are split into.",
        unset="1; TRT at run time: the engine's",
        value=_one_unless_trt,
    )
    data_parallel: int = setting(
        "CHAT_DATA_PARALLEL", Int(1), 1, "Replicas in one engine; vLLM only, more than 1 with TensorRT-LLM is an error."
    )
    distributed_backend: DistributedBackend | None = optional(
        "CHAT_DISTRIBUTED_BACKEND",
        Word(DistributedBackend),
        "vLLM. Unset: the engine chooses; `ray` for several machines. Without `ray`, tensor x pipeline x data may not "
        "exceed the GPUs that are visible.",
    )


__all__ = ["Engine"]
