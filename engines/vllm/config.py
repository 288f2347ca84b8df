"""What a vLLM engine is opened with: resolved values only, nothing is looked up later."""

from collections.abc import Mapping
from pathlib import Path

from attrs import field, frozen


@frozen(kw_only=True)
class VllmConfig:
    """Resolved settings of one vLLM engine.

    `kv_cache_dtype` "auto", `quantization` None, `attention_backend` None and `distributed_backend` None leave the
    choice to the engine. `kv_cache_bytes`, if given, sizes the KV cache and `gpu_memory_utilization` no longer does.
    `logit_bias`: token id to bias in -100..100 for every request. `banned_phrases`: texts that must not be generated.
    `error_log`: the file into which the engine's processes write their errors (see `environment.apply_library_env`).
    `engine_seed`: the engine's own generator starts there and requests bring no seed; None: every request brings one.
    `progress_bars`: those of loading and of capturing graphs, drawn by the engine's processes.
    `mark`: the environment entry that its processes inherit, by which they are known as ours.
    """

    model: str
    tokenizer: str | None = None
    revision: str | None = None
    trust_remote_code: bool = False
    max_model_len: int
    max_num_seqs: int
    max_num_batched_tokens: int = 2048
    gpu_memory_utilization: float = 0.9
    kv_cache_bytes: int | None = None
    kv_cache_dtype: str = "auto"
    quantization: str | None = None
    dtype: str = "auto"
    attention_backend: str | None = None
    enforce_eager: bool = False
    tensor_parallel: int = 1
    pipeline_parallel: int = 1
    data_parallel: int = 1
    distributed_backend: str | None = None
    load_format: str = "auto"
    stats: bool = False
    progress_bars: bool = False
    engine_seed: int | None = None
    logit_bias: Mapping[int, float] = field(factory=dict)
    banned_phrases: tuple[str, ...] = ()
    error_log: Path | None = None
    mark: str = ""


__all__ = ["VllmConfig"]
