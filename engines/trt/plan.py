"""How a model is going to be served, or why it cannot be: pure decisions on settings and files.

TensorRT-LLM serves in two ways: a compiled engine (up to 1.2) and a Hugging Face checkpoint on its PyTorch backend.
"""

import enum
from pathlib import Path

from attrs import frozen

from engines.errors import EngineStartFailed, EngineUnfit
from engines.quantised import Format, by_method, refusal, remark
from engines.trt.config import TrtConfig
from engines.trt.directory import BUILD, Compiled, Kind, kind_of, normal_arch, read_engine

# Requests decoded at once where no engine dictates it; a start for 7 to 8 billion parameters on 80 GB.
DEFAULT_BATCH = 64
# The library's own default, and at least the longest prompt: it refuses longer ones.
_MIN_NUM_TOKENS = 8192


class Backend(enum.Enum):
    """Which half of the library serves."""

    ENGINE = "TensorRT engine"
    PYTORCH = "PyTorch"


@frozen(kw_only=True)
class Plan:
    """What will be loaded and with which limits (tokens, requests); `reason` says why this backend.

    `missing_metadata`: the engine says nothing of where it was built, and was named by hand. `remark`: what to tell who
    asked for another format of the weights.
    """

    backend: Backend
    reason: str
    model: str
    batch_size: int
    max_model_len: int
    max_num_tokens: int
    tensor_parallel: int
    pipeline_parallel: int
    compiled: Compiled | None = None
    missing_metadata: bool = False
    remark: str | None = None


def make_plan(config: TrtConfig) -> Plan:
    """The plan for a configuration. Raises `EngineStartFailed` with what does not fit and what to change."""
    if config.data_parallel > 1:
        raise EngineStartFailed("TensorRT-LLM serves one replica: set CHAT_DATA_PARALLEL to 1")
    if config.engine_dir is not None:
        return _engine_plan(config, read_engine(config.engine_dir))
    kind = kind_of(config.model)
    if kind is Kind.ENGINE:
        raise EngineStartFailed(
            f"{config.model} is a compiled engine: name it in TRT_ENGINE_DIR, and in CHAT_MODEL the model it was built "
            "from, whose tokenizer and chat template are used"
        )
    if kind is Kind.QUANTISED:
        raise EngineStartFailed(
            f"{config.model} is a TensorRT-LLM checkpoint, from which an engine is built first: "
            f"just build-trt {config.model}"
        )
    if kind is Kind.UNKNOWN and Path(config.model).is_dir():
        raise EngineStartFailed(f"{config.model} holds no model: there is no config.json in it")
    return _pytorch_plan(config)


def _engine_plan(config: TrtConfig, compiled: Compiled) -> Plan:
    metadata = compiled.metadata
    if metadata is None and not config.engine_is_named:
        raise EngineStartFailed(
            f"engine {compiled.path} has no build_metadata.json, so nobody knows what it was built for: {BUILD}, or "
            "name it in TRT_ENGINE_DIR to use it all the same"
        )
    if not compiled.reuses_blocks:
        raise EngineStartFailed(
            f"engine {compiled.path} was built without a paged KV cache or paged context attention and cannot reuse "
            f"prompts: {BUILD}"
        )
    _check_lengths(config, compiled)
    _check_parallelism(config, compiled)
    return Plan(
        backend=Backend.ENGINE,
        reason=f"{compiled.path} is a compiled engine",
        model=str(compiled.path),
        batch_size=_batch_size(config, compiled),
        max_model_len=config.max_model_len,
        max_num_tokens=compiled.max_num_tokens,
        tensor_parallel=compiled.tensor_parallel,
        pipeline_parallel=compiled.pipeline_parallel,
        compiled=compiled,
        missing_metadata=metadata is None,
        remark=_check_format(
            config, by_method(compiled.quantization) if compiled.quantization else None, f"engine {compiled.path}"
        ),
    )


def _pytorch_plan(config: TrtConfig) -> Plan:
    return Plan(
        backend=Backend.PYTORCH,
        reason=f"{config.model} is a Hugging Face checkpoint and no engine was given",
        model=config.model,
        batch_size=config.batch_size or DEFAULT_BATCH,
        max_model_len=config.max_model_len,
        max_num_tokens=max(_MIN_NUM_TOKENS, config.max_model_len),
        tensor_parallel=config.tensor_parallel or 1,
        pipeline_parallel=config.pipeline_parallel or 1,
        remark=_check_format(config, config.checkpoint, config.model),
    )


def _check_format(config: TrtConfig, made: Format | None, what: str) -> str | None:
    """Raise `EngineStartFailed` unless the weights, `made`, can pass for what was asked for; else what to tell."""
    asked = config.quantization
    if refused := refusal(asked, made, what):
        raise EngineStartFailed(refused)
    if made is None and asked not in ("auto", "none"):
        raise EngineStartFailed(
            f"CHAT_QUANTIZATION is {asked}, but {what} is not quantised and TensorRT-LLM quantises only while it "
            f"builds an engine: build one (just build-trt {asked} {config.model}) and name it in TRT_ENGINE_DIR, or "
            "leave that word out and serve the model as it is"
        )
    return remark(asked, made)


def _batch_size(config: TrtConfig, compiled: Compiled) -> int:
    known = compiled.metadata and compiled.metadata.max_batch_size
    maximum = known or compiled.max_batch_size
    if config.batch_size is not None and config.batch_size > maximum:
        raise EngineUnfit(
            f"TRT_BATCH_SIZE is {config.batch_size}, engine {compiled.path} was built for {maximum} at most, which is "
            f"baked into it and is not MAX_CONCURRENT_CONNECTIONS: lower it, or {BUILD} with "
            f"TRT_MAX_BATCH_SIZE={config.batch_size}"
        )
    return config.batch_size or maximum


def _check_lengths(config: TrtConfig, compiled: Compiled) -> None:
    prompt = config.max_model_len - config.max_output_len
    if compiled.max_input_len < prompt:
        raise EngineUnfit(
            f"engine {compiled.path} takes prompts of {compiled.max_input_len} tokens, CHAT_MAX_LEN - CHAT_MAX_OUT is "
            f"{prompt}: lower CHAT_MAX_LEN, or {BUILD} with TRT_MAX_INPUT_LEN={prompt}"
        )
    if compiled.max_seq_len < config.max_model_len:
        raise EngineUnfit(
            f"engine {compiled.path} holds {compiled.max_seq_len} tokens of prompt and reply, CHAT_MAX_LEN is "
            f"{config.max_model_len}: lower it, or {BUILD} with longer TRT_MAX_INPUT_LEN and TRT_MAX_OUTPUT_LEN"
        )


def _check_parallelism(config: TrtConfig, compiled: Compiled) -> None:
    for name, asked, built in (
        ("CHAT_TENSOR_PARALLEL", config.tensor_parallel, compiled.tensor_parallel),
        ("CHAT_PIPELINE_PARALLEL", config.pipeline_parallel, compiled.pipeline_parallel),
    ):
        if asked is not None and asked != built:
            raise EngineUnfit(f"{name} is {asked}, engine {compiled.path} was built for {built}: unset it, or {BUILD}")


def check_machine(compiled: Compiled, *, version: str, gpu_arch: str | None) -> None:
    """Raise `EngineUnfit` unless the engine was built for this library version and this GPU architecture."""
    metadata = compiled.metadata
    for built in (metadata.library_version if metadata else "", compiled.version):
        if built and built != version:
            raise EngineUnfit(
                f"engine {compiled.path} was built by TensorRT-LLM {built}, installed is {version}: an engine runs on "
                f"the version that built it; {BUILD}, or install that version"
            )
    if metadata is None:
        return
    if gpu_arch is None:
        raise EngineUnfit(f"no GPU is visible; engine {compiled.path} needs one of {metadata.gpu_arch}")
    if normal_arch(gpu_arch) != metadata.gpu_arch:
        raise EngineUnfit(
            f"engine {compiled.path} was built for {metadata.gpu_arch}, this GPU is {normal_arch(gpu_arch)}: {BUILD}"
        )


__all__ = ["DEFAULT_BATCH", "Backend", "Plan", "check_machine", "make_plan"]
