"""What goes into a checkpoint and into an engine: every number that changes the result, and the keys made of them."""

from collections.abc import Mapping
from typing import Any

import attrs
from attrs import frozen

from runtime.settings import Settings
from tooling.cache import Entry
from tooling.trt.versions import Versions

CHECKPOINTS, ENGINES = "trt/checkpoints", "trt/engines"
SEED = 1234  # the library's own default, written down so that it stays
AWQ_MOST_SAMPLES = 32  # the library takes no more for AWQ, whatever it is told
LEAST_TOKENS_A_STEP = 8192  # trtllm-build's default for --max_num_tokens
# Format asked for: what the library then writes as `quant_algo`; a beginning, as int8_sq has several forms.
ALGORITHMS = {"int4_awq": "W4A16_AWQ", "fp8": "FP8", "int8_sq": "W8A8_SQ_", "full_prec": None}
# An int8 KV cache would exclude paged context attention and with it the reuse of prompts, which is worth more here.
KV_CACHE = {"fp8": "fp8"}
BUILD_FLAGS = {
    "gemm_plugin": "auto",
    "gpt_attention_plugin": "auto",  # follows the checkpoint's dtype
    "context_fmha": "enable",
    "use_paged_context_fmha": "enable",
    "kv_cache_type": "paged",
    "remove_input_padding": "enable",
}
_POSITIONS = ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length")


@frozen(kw_only=True)
class Quantising:
    """The numbers of a checkpoint. `calib_seqlen` in tokens; `calib_dataset`: a hub name or a directory.

    `calib_digest`: of such a directory; `script_digest`: of the script that replaces the library's function. Both are
    empty for none, and count in the key only.
    """

    qformat: str
    kv_cache_dtype: str | None
    dtype: str
    awq_block_size: int
    calib_dataset: str
    calib_size: int
    calib_batch_size: int
    calib_seqlen: int
    tp_size: int
    pp_size: int
    calib_digest: str = ""
    script_digest: str = ""


@frozen(kw_only=True)
class Sizes:
    """What is baked into an engine: requests, tokens, and over how many GPUs each layer and the layers are split."""

    max_batch_size: int
    max_input_len: int
    max_seq_len: int
    max_num_tokens: int
    tp_size: int = 1
    pp_size: int = 1


def quantising(settings: Settings, qformat: str, config: Mapping[str, Any]) -> Quantising:
    """The numbers that the settings give; the calibration length is never more than the model of `config` takes."""
    trt, engine = settings.trt, settings.engine
    most = positions(config)
    is_awq = qformat == "int4_awq"
    return Quantising(
        qformat=qformat,
        kv_cache_dtype=KV_CACHE.get(qformat),
        dtype=trt.dtype.value,
        awq_block_size=trt.awq_block_size,
        calib_dataset=trt.calib_dataset,
        calib_size=min(trt.calib_size, AWQ_MOST_SAMPLES) if is_awq else trt.calib_size,
        calib_batch_size=trt.calib_batch_size,
        calib_seqlen=min(trt.calib_seqlen, most) if most else trt.calib_seqlen,
        tp_size=engine.tensor_parallel or 1,
        pp_size=engine.pipeline_parallel or 1,
    )


def sizes(settings: Settings, max_batch_size: int, ranks: tuple[int, int]) -> Sizes:
    """The sizes of an engine that the settings ask for. `ranks`: its checkpoint's tensor and pipeline sizes."""
    trt = settings.trt
    return Sizes(
        max_batch_size=max_batch_size,
        max_input_len=trt.max_input_len,
        max_seq_len=trt.max_input_len + trt.max_output_len,
        max_num_tokens=max(LEAST_TOKENS_A_STEP, trt.max_input_len),
        tp_size=ranks[0],
        pp_size=ranks[1],
    )


def positions(config: Mapping[str, Any]) -> int | None:
    """How many tokens a model's `config.json` says it takes; a composite model says it in its text part."""
    text = config.get("text_config")
    for part in (config, text if isinstance(text, Mapping) else {}):
        for name in _POSITIONS:
            value = part.get(name)
            if isinstance(value, int) and not isinstance(value, bool) and value > 0:
                return value
    return None


def checkpoint_entry(slug: str, source: Mapping[str, object], numbers: Quantising, versions: Versions) -> Entry:
    """The cache entry of a checkpoint. `source`: the model's identity.

    What has no effect on a format is not in its key: the block size counts for AWQ, calibration for all but float.
    """
    calibrated = numbers.qformat != "full_prec"
    recipe: dict[str, object] = {
        "made": "trt-checkpoint",
        "model": dict(source),
        "qformat": numbers.qformat,
        "kv_cache_dtype": numbers.kv_cache_dtype,
        "dtype": numbers.dtype,
        "awq_block_size": numbers.awq_block_size if numbers.qformat == "int4_awq" else None,
        "calibration": {
            "dataset": numbers.calib_digest or numbers.calib_dataset,
            "size": numbers.calib_size,
            "batch_size": numbers.calib_batch_size,
            "seqlen": numbers.calib_seqlen,
        }
        if calibrated
        else None,
        "tp_size": numbers.tp_size,
        "pp_size": numbers.pp_size,
        "seed": SEED,
        "script": numbers.script_digest or None,
        "tensorrt_llm": versions.tensorrt_llm,
        "modelopt": versions.modelopt,
    }
    return Entry(kind=CHECKPOINTS, name=slug, recipe=recipe)


def engine_entry(slug: str, checkpoint: Mapping[str, object], sized: Sizes, versions: Versions, sm: str) -> Entry:
    """The cache entry of an engine. `checkpoint`: the key of one made here, else what identifies it."""
    recipe: dict[str, object] = {
        "made": "trt-engine",
        "checkpoint": dict(checkpoint),
        **attrs.asdict(sized),
        "flags": dict(BUILD_FLAGS),
        "tensorrt_llm": versions.tensorrt_llm,
        "tensorrt": versions.tensorrt,
        "cuda": versions.cuda,
        "sm": sm,
    }
    return Entry(kind=ENGINES, name=slug, recipe=recipe)


__all__ = [
    "ALGORITHMS",
    "CHECKPOINTS",
    "ENGINES",
    "SEED",
    "Quantising",
    "Sizes",
    "checkpoint_entry",
    "engine_entry",
    "positions",
    "quantising",
    "sizes",
]
