"""What a TensorRT-LLM engine is opened with: resolved values only, nothing is looked up later."""

from collections.abc import Mapping
from pathlib import Path

from attrs import field, frozen

from engines.quantised import Format


@frozen(kw_only=True)
class TrtConfig:
    """Resolved settings of one TensorRT-LLM engine.

    `model`: hub id or directory of the Hugging Face model. Its tokenizer is always used; its weights are served, on
    the PyTorch backend, when there is no `engine_dir`. `engine_dir`: a compiled engine, which is then what is served.
    `engine_is_named`: the engine was named by hand, so a missing `build_metadata.json` is a warning and not an error.
    `max_model_len`: tokens of prompt and reply together; `max_output_len`: of the reply. `batch_size`: requests
    decoded at once, None for the engine's maximum. `kv_free_gpu_frac`: the KV cache's share of the GPU memory that is
    free once the weights are loaded. `quantization`: `CHAT_QUANTIZATION`; `checkpoint`: what the weights of `model`
    are, None if they are not quantised. `tensor_parallel` and `pipeline_parallel` are fixed in a compiled engine: None
    takes what it has. `logit_bias`: token id to bias in -100..100; `banned_phrases`:
    texts that must not be generated. `gpu_arch`: the GPU's architecture, such as "sm90"; None asks PyTorch. `mark`:
    the environment entry that the engine's processes inherit, by which they are known as ours.
    """

    model: str
    engine_dir: Path | None = None
    engine_is_named: bool = False
    revision: str | None = None
    trust_remote_code: bool = False
    max_model_len: int
    max_output_len: int
    batch_size: int | None = None
    kv_free_gpu_frac: float = 0.9
    quantization: str = "auto"
    checkpoint: Format | None = None
    tensor_parallel: int | None = None
    pipeline_parallel: int | None = None
    data_parallel: int = 1
    logit_bias: Mapping[int, float] = field(factory=dict)
    banned_phrases: tuple[str, ...] = ()
    gpu_arch: str | None = None
    mark: str = ""


__all__ = ["TrtConfig"]
