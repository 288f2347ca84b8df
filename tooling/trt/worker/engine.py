"""Builds an engine with `trtllm-build`, reads it back, and writes down what it is."""

import shlex
import shutil
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engines.errors import EngineStartFailed
from engines.trt.directory import Compiled, read_engine
from tooling.gpus import Gpu
from tooling.refusal import FAILED, Refusal
from tooling.trt.building import PROGRAM, build_command
from tooling.trt.recipes import Sizes
from tooling.trt.versions import Versions
from tooling.trt.worker import metadata, programs
from tooling.trt.worker.checkpoint import require_checkpoint, weights
from tooling.trt.worker.machine import require_gpu, require_versions

COMMAND_FILE = "build_command.txt"
OF_THE_CHECKPOINT = (
    *("quant_method", "calib_dataset", "calib_size", "calib_seqlen", "calib_batch_size", "checkpoint_key"),
)


def make(job: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, object]:
    """Build it in `job["output"]`; its metadata. Raises `Refusal` with why there is none."""
    began = time.monotonic()
    versions = require_versions(job["versions"], environ)
    gpu = require_gpu(environ, "building an engine")
    if gpu.sm != job["sm"]:
        raise Refusal(f"the engine is for {job['sm']}, the GPU here is {gpu.sm}: unset GPU_SM_ARCH", FAILED)
    sized, output, source = Sizes(**job["sizes"]), Path(job["output"]), Path(job["source"]["directory"])
    config = require_checkpoint(source, None, (sized.tp_size, sized.pp_size))
    known = {
        "model_id": job["model"]["id"],
        "model_revision": job["model"]["revision"],
        **weights(config),
        **_history(source),
        **_sizes(sized),
        **_machine(versions, gpu),
        "engine_label": job["label"],
        "engine_key": job["key"],
    }
    metadata.require_known(metadata.ENGINE_FILE, known)
    _build(build_command(_program(environ), str(source), str(output), sized, job["workers"]), output, environ)
    _require_engine(output, sized, versions)
    found = {
        **known,
        "seconds": round(time.monotonic() - began, 1),
        "built_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return metadata.write(output / metadata.ENGINE_FILE, found, metadata.ENGINE_FIELDS)


def _program(environ: Mapping[str, str]) -> str:
    beside = Path(sys.executable).with_name(PROGRAM)
    found = str(beside) if beside.is_file() else shutil.which(PROGRAM, path=environ.get("PATH"))
    if not found:
        raise Refusal(f"there is no {PROGRAM} beside {sys.executable} nor on PATH: just setup trt", FAILED)
    return found


def _build(command: list[str], output: Path, environ: Mapping[str, str]) -> None:
    line = shlex.join(command)
    (output / COMMAND_FILE).write_text(line + "\n", encoding="utf-8")
    print(line, flush=True)
    code = programs.run(command, environ)
    if code:
        raise Refusal(f"{PROGRAM} ended with {code}", FAILED)


def _require_engine(output: Path, sized: Sizes, versions: Versions) -> Compiled:
    """The engine as it says it is. Raises `Refusal` unless it is whole and of the sizes and version asked for."""
    try:
        built = read_engine(output)
    except EngineStartFailed as error:
        raise Refusal(f"{PROGRAM} ended well and left no engine: {error}", FAILED) from error
    pairs = (
        ("max_batch_size", built.max_batch_size, sized.max_batch_size),
        ("max_input_len", built.max_input_len, sized.max_input_len),
        ("max_seq_len", built.max_seq_len, sized.max_seq_len),
        ("max_num_tokens", built.max_num_tokens, sized.max_num_tokens),
        ("tp_size", built.tensor_parallel, sized.tp_size),
        ("pp_size", built.pipeline_parallel, sized.pp_size),
        ("version", built.version, versions.tensorrt_llm),
        ("reuse of prompts", built.reuses_blocks, True),
    )
    other = [f"{name} is {found}, asked for was {asked}" for name, found, asked in pairs if found != asked]
    if other:
        raise Refusal(f"the engine is not what was asked for, nothing is kept: {'; '.join(other)}", FAILED)
    return built


def _history(source: Path) -> dict[str, object]:
    """What only the checkpoint's own metadata can say."""
    told = metadata.read(source / metadata.CHECKPOINT_FILE)
    return {name: told.get(name) or metadata.ELSEWHERE for name in OF_THE_CHECKPOINT} | {
        "modelopt_version": told.get("modelopt_version") or metadata.ELSEWHERE
    }


def _sizes(sized: Sizes) -> dict[str, object]:
    return {
        "max_batch_size": sized.max_batch_size,
        "max_input_len": sized.max_input_len,
        "max_output_len": sized.max_seq_len - sized.max_input_len,
        "max_seq_len": sized.max_seq_len,
        "max_num_tokens": sized.max_num_tokens,
        "tp_size": sized.tp_size,
    }


def _machine(versions: Versions, gpu: Gpu) -> dict[str, object]:
    return {
        "tensorrt_llm_version": versions.tensorrt_llm,
        "tensorrt_version": versions.tensorrt,
        "cuda_toolkit": versions.cuda,
        "sm_arch": gpu.sm,
        "gpu_name": gpu.name,
        "gpu_vram_gb": round(gpu.total_gib, 1),
        "nvidia_driver": gpu.driver,
    }


__all__ = ["make"]
