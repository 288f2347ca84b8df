"""What an engine, or the GPU it shares, cannot give."""

from collections.abc import Iterator, Set

from runtime.settings.groups.words import DeployMode, EightBit, EngineName, Quantization
from runtime.settings.kinds import plain
from runtime.settings.rules.conflict import Conflict
from runtime.settings.sections import Sections

ENGINE_NAMES = ("DEPLOY_MODE", "INFERENCE_ENGINE")
# What `QUANTIZATION` may say beside each `CHAT_QUANTIZATION`; formats that are not here have no 8-bit form to choose.
EIGHT_BIT_FORMS = {
    Quantization.AUTO: frozenset(EightBit),
    Quantization.EIGHT_BIT: frozenset(EightBit),
    Quantization.FP8: frozenset({EightBit.FP8}),
    Quantization.INT8_SQ: frozenset({EightBit.INT8_SQ}),
}


def conflicts(settings: Sections, given: Set[str]) -> Iterator[Conflict]:
    """Conflicts of formats, memory shares and engine numbers. `given`: names of the variables that somebody set."""
    yield from _eight_bit(settings)
    if not settings.deployment.deploy_mode.chats:
        return
    yield from _gpu_shares(settings)
    match settings.deployment.inference_engine:
        case EngineName.TRT:
            yield from _trt(settings)
        case EngineName.VLLM:
            yield from _vllm(settings, given)
        case EngineName.SCRIPTED:
            pass


def _eight_bit(settings: Sections) -> Iterator[Conflict]:
    chosen, override = settings.deployment.chat_quantization, settings.deployment.quantization
    if override is not None and override not in EIGHT_BIT_FORMS.get(chosen, frozenset()):
        yield Conflict(
            "QUANTIZATION",
            f"'{override}' contradicts CHAT_QUANTIZATION={chosen}; unset one of them, or set CHAT_QUANTIZATION=8bit",
            ("CHAT_QUANTIZATION",),
        )


def _gpu_shares(settings: Sections) -> Iterator[Conflict]:
    engine = settings.engine
    gpus = (engine.tensor_parallel or 1) * (engine.pipeline_parallel or 1) * engine.data_parallel
    total = round(engine.gpu_frac + settings.tools.gpu_frac, 6)
    if settings.deployment.deploy_mode is DeployMode.BOTH and gpus == 1 and total > 1:
        yield Conflict(
            "CHAT_GPU_FRAC",
            f"{plain(engine.gpu_frac)} and TOOL_GPU_FRAC ({plain(settings.tools.gpu_frac)}) are {plain(total)} "
            "together, at most 1.0 on one GPU",
            (
                "TOOL_GPU_FRAC",
                "CHAT_TENSOR_PARALLEL",
                "CHAT_PIPELINE_PARALLEL",
                "CHAT_DATA_PARALLEL",
                *ENGINE_NAMES,
            ),
        )


def _trt(settings: Sections) -> Iterator[Conflict]:
    trt, engine = settings.trt, settings.engine
    if engine.data_parallel > 1:
        yield Conflict(
            "CHAT_DATA_PARALLEL",
            f"{engine.data_parallel} is more than 1, which TensorRT-LLM cannot do; run more servers instead",
            ENGINE_NAMES,
        )
    # An engine that is named may have any maximum; only one that is found or built has TRT_MAX_BATCH_SIZE.
    built = None if trt.engine_dir is not None else trt.max_batch_size
    if trt.batch_size is not None and built is not None and trt.batch_size > built:
        yield Conflict(
            "TRT_BATCH_SIZE",
            f"{trt.batch_size} is more than TRT_MAX_BATCH_SIZE ({built}), which is baked into the engine",
            ("TRT_MAX_BATCH_SIZE", "TRT_ENGINE_DIR", *ENGINE_NAMES),
        )


def _vllm(settings: Sections, given: Set[str]) -> Iterator[Conflict]:
    vllm = settings.vllm
    if settings.deployment.chat_quantization is Quantization.INT8_SQ:
        yield Conflict(
            "CHAT_QUANTIZATION",
            "'int8_sq' exists on TensorRT-LLM only; for vLLM use 8bit, or set INFERENCE_ENGINE=trt",
            ENGINE_NAMES,
        )
    # Without CHAT_MAX_NUM_SEQS the number is known once the GPU is; the formula never gives less than its floor.
    name = "CHAT_MAX_NUM_SEQS" if "CHAT_MAX_NUM_SEQS" in given else "MAX_NUM_SEQS_MIN_FLOOR"
    running = vllm.max_num_seqs or vllm.max_num_seqs_min_floor
    if vllm.max_num_batched_tokens < running:
        yield Conflict(
            "MAX_NUM_BATCHED_TOKENS_CHAT",
            f"{vllm.max_num_batched_tokens} is below {name} ({running}); each running request needs a token a step",
            ("CHAT_MAX_NUM_SEQS", name, *ENGINE_NAMES),
        )


__all__ = ["conflicts"]
