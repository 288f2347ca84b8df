"""Which chat engine this deployment runs, planned from settings, the model's files and the machine. Blocking."""

import secrets
from collections.abc import Callable
from typing import assert_never

import structlog
from attrs import evolve, frozen

from engines.base import Engine
from engines.model_files import json_files
from engines.prompts.bias import BUILT_IN, ResolvedBias, load_bias_file
from engines.prompts.chat import ChatText
from engines.quantised import FILES, detect
from engines.scripted import ScriptedEngine
from engines.trt import TrtConfig, TrtEngine, Unhonoured
from engines.vllm import VllmConfig, VllmEngine
from engines.vllm.planning import Devices, Wanted, plan
from engines.vllm.sizing import Sizing
from engines.vllm.traits import ModelFacts
from runtime.settings import EngineName, Settings
from runtime.surroundings import Surroundings

log = structlog.get_logger()
CPU_KV_CACHE_BYTES = 1 << 30


@frozen
class ChatEnginePlan:
    """Makes a fresh engine, at the start and after each death; and what the operator should know."""

    make: Callable[[], Engine]
    warnings: tuple[str, ...] = ()


def plan_chat_engine(settings: Settings, text: ChatText, around: Surroundings) -> ChatEnginePlan:
    """Decide everything about the chat engine. Raises `EngineStartFailed` with every complaint."""
    path = settings.chat.logit_bias_file
    bias = text.resolve_bias(load_bias_file(path) if path else BUILT_IN)
    match settings.deployment.inference_engine:
        case EngineName.VLLM:
            config, warnings = _vllm(settings, bias, around)
            return ChatEnginePlan(lambda: VllmEngine(_seeded(config, around)), warnings)
        case EngineName.TRT:
            trt, unhonoured = _trt(settings, bias, around), Unhonoured(_warn_unhonoured)
            return ChatEnginePlan(lambda: TrtEngine(trt, unhonoured))
        case EngineName.SCRIPTED:
            return ChatEnginePlan(ScriptedEngine)
        case _ as unknown:
            assert_never(unknown)


def _warn_unhonoured(key: str, why: str) -> None:
    log.warning("sampling.unhonoured", key=key, why=why)


def _vllm(settings: Settings, bias: ResolvedBias, around: Surroundings) -> tuple[VllmConfig, tuple[str, ...]]:
    model, revision = settings.deployment.chat_model or "", settings.deployment.chat_revision
    files = json_files(model, FILES, revision)
    facts = ModelFacts.of(files.get("config.json", {}))
    devices = Devices(
        total_gib=tuple(gpu.total_gib for gpu in around.gpus), free_gib=tuple(gpu.free_gib for gpu in around.gpus)
    )
    made = plan(_wanted(settings, bias, around), facts, detect(model, files), devices)
    skipped = (f"logit bias skipped for {', '.join(map(repr, bias.skipped))}",) if bias.skipped else ()
    config = evolve(
        made.config,
        mark=around.mark,
        error_log=around.error_log,
        load_format=around.load_format,
        progress_bars=settings.logs.show_vllm_logs,
    )
    _tell_queueing(settings, config.max_num_seqs * config.data_parallel)
    return config, (*made.warnings, *skipped)


def _seeded(config: VllmConfig, around: Surroundings) -> VllmConfig:
    """On a CPU the engine draws from one generator of its own, seeded afresh at every start.

    There a request with a seed kills the engine when its prompt takes more than one scheduler step: vLLM (0.32) rewinds
    that request's generator after each step but the last, which torch offers for GPUs only.
    """
    return config if around.gpus else evolve(config, engine_seed=secrets.randbits(31))


def _tell_queueing(settings: Settings, max_running: int) -> None:
    """More connections than running requests are legal; whoever planned otherwise should know."""
    connections = settings.deployment.max_concurrent_connections
    if connections > max_running:
        log.info("engine.turns_may_queue", connections=connections, max_running=max_running)


def _wanted(settings: Settings, bias: ResolvedBias, around: Surroundings) -> Wanted:
    engine, vllm, place = settings.engine, settings.vllm, settings.deployment
    return Wanted(
        model=place.chat_model or "",
        revision=place.chat_revision,
        trust_remote_code=place.chat_trust_remote_code,
        quantization=place.chat_quantization.value,
        kv_dtype=vllm.kv_dtype,
        max_len=settings.chat.max_len,
        gpu_fraction=engine.gpu_frac,
        fraction_cap=vllm.memory_opt_gpu_frac_cap,
        kv_cache_bytes=engine.kv_cache_bytes or (None if around.gpus else CPU_KV_CACHE_BYTES),
        max_num_seqs=vllm.max_num_seqs,
        max_num_batched_tokens=vllm.max_num_batched_tokens,
        sizing=_sizing(settings),
        attention_backend=vllm.attention_backend,
        enforce_eager=vllm.enforce_eager,
        tensor_parallel=engine.tensor_parallel or 1,
        pipeline_parallel=engine.pipeline_parallel or 1,
        data_parallel=engine.data_parallel,
        distributed_backend=engine.distributed_backend.value if engine.distributed_backend else None,
        logit_bias=bias.token_bias,
        banned_phrases=bias.banned_phrases,
    )


def _sizing(settings: Settings) -> Sizing:
    vllm = settings.vllm
    return Sizing(
        baseline=vllm.max_num_seqs_baseline,
        memory_hungry_baseline=vllm.max_num_seqs_memory_opt_baseline,
        floor=vllm.max_num_seqs_min_floor,
        ceiling=vllm.max_num_seqs_max_resolved,
        thresholds_gib=(
            vllm.max_num_seqs_gpu_threshold_small_gib,
            vllm.max_num_seqs_gpu_threshold_medium_gib,
            vllm.max_num_seqs_gpu_threshold_large_gib,
        ),
        tier_baselines=(
            vllm.max_num_seqs_baseline_small,
            vllm.max_num_seqs_baseline_medium,
            vllm.max_num_seqs_baseline_large,
        ),
        ratio_min=vllm.max_num_seqs_allocation_ratio_min,
        ratio_max=vllm.max_num_seqs_allocation_ratio_max,
        ratio_divisor=vllm.max_num_seqs_allocation_ratio_divisor,
    )


def _trt(settings: Settings, bias: ResolvedBias, around: Surroundings) -> TrtConfig:
    place, trt = settings.deployment, settings.trt
    model = place.chat_model or ""
    # An engine says itself what its weights are.
    files = json_files(model, FILES, place.chat_revision) if trt.engine_dir is None else {}
    return TrtConfig(
        model=model,
        engine_dir=trt.engine_dir,
        engine_is_named=trt.engine_dir is not None,
        revision=place.chat_revision,
        trust_remote_code=place.chat_trust_remote_code,
        max_model_len=settings.chat.max_len,
        max_output_len=settings.chat.max_out,
        batch_size=trt.batch_size,
        kv_free_gpu_frac=trt.kv_free_gpu_frac,
        quantization=place.chat_quantization.value,
        checkpoint=detect(model, files) if trt.engine_dir is None else None,
        tensor_parallel=settings.engine.tensor_parallel,
        pipeline_parallel=settings.engine.pipeline_parallel,
        data_parallel=settings.engine.data_parallel,
        logit_bias=bias.token_bias,
        banned_phrases=bias.banned_phrases,
        gpu_arch=around.gpus[0].sm if around.gpus else None,
        mark=around.mark,
    )


__all__ = ["ChatEnginePlan", "plan_chat_engine"]
