"""Makes a checkpoint: calls the library's function or the script that replaces it, and reads back what came of it."""

import importlib
import json
import sys
import time
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from attrs import evolve

from tooling.refusal import FAILED, Refusal
from tooling.trt.building import quantise_arguments, script_command
from tooling.trt.checkpoints import CONFIG, parallel_sizes, rank_files
from tooling.trt.recipes import ALGORITHMS, SEED, Quantising
from tooling.trt.versions import Versions
from tooling.trt.worker import metadata, programs
from tooling.trt.worker.machine import require_gpu, require_versions

HINT = (
    "not every architecture has every format (Mixtral, for one, has no SmoothQuant): another one is chosen by 4bit, "
    "8bit, none or QUANTIZATION"
)


def make(job: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, object]:
    """Make it in `job["output"]`; its metadata. Raises `Refusal` with why there is none."""
    began = time.monotonic()
    versions = require_versions(job["versions"], environ)
    gpu = require_gpu(environ, "quantising")
    numbers = Quantising(**job["numbers"])
    output = Path(job["output"])
    machine = {"sm_arch": gpu.sm, "gpu_name": gpu.name, "nvidia_driver": gpu.driver}
    metadata.require_known(metadata.CHECKPOINT_FILE, machine)
    _quantise(job, numbers, output, environ)
    config = require_checkpoint(output, numbers.qformat, (numbers.tp_size, numbers.pp_size))
    found = {
        **_described(job["model"], numbers, config),
        **_made_with(versions),
        **machine,
        "checkpoint_key": job["key"],
        "seconds": round(time.monotonic() - began, 1),
        "built_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return metadata.write(output / metadata.CHECKPOINT_FILE, found, metadata.CHECKPOINT_FIELDS)


def _quantise(job: Mapping[str, Any], numbers: Quantising, output: Path, environ: Mapping[str, str]) -> None:
    arguments = quantise_arguments(job["source"]["directory"], str(output), numbers)
    if job["tree"]:
        command = script_command(sys.executable, job["tree"], arguments)
        print(f"running {command[1]}", flush=True)
        code = programs.run(command, environ)
        if code:
            raise Refusal(f"{command[1]} ended with {code}; {HINT}", FAILED)
        return
    try:
        function = importlib.import_module("tensorrt_llm.quantization").quantize_and_export
        function(**arguments)
    except (Exception, SystemExit) as error:
        traceback.print_exc()  # the library's own words
        why = f"TensorRT-LLM could not make {numbers.qformat} ({type(error).__name__})"
        raise Refusal(f"{why}; {HINT}", FAILED) from None


def require_checkpoint(place: Path, qformat: str | None, ranks: tuple[int, int] | None) -> dict[str, Any]:
    """The checkpoint's `config.json`. Raises `Refusal` unless it is whole and, where they are given, of that format and
    for so many GPUs.
    """
    try:
        config = json.loads((place / CONFIG).read_text(encoding="utf-8"))
        algorithm = (config.get("quantization") or {}).get("quant_algo")
        made = parallel_sizes(config)
    except (OSError, ValueError, AttributeError) as error:
        raise Refusal(f"{place} is no checkpoint: {CONFIG} cannot be read ({error})", FAILED) from error
    if ranks is not None and made != ranks:
        raise Refusal(f"the checkpoint is for {made} GPUs (tensor, pipeline), asked for was {ranks}", FAILED)
    missing = [name for name in rank_files(made) if not (place / name).is_file()]
    if missing:
        raise Refusal(f"the checkpoint {place} is incomplete: {', '.join(missing)} missing", FAILED)
    if qformat is not None and not _is(algorithm, ALGORITHMS[qformat]):
        raise Refusal(
            f"the checkpoint says quant_algo {algorithm}, {qformat} is {ALGORITHMS[qformat] or 'none'}",
            FAILED,
        )
    return dict(config)


def _is(algorithm: object, expected: str | None) -> bool:
    if expected is None:
        return algorithm in (None, "")
    return isinstance(algorithm, str) and algorithm.startswith(expected)


def _described(model: Mapping[str, str], numbers: Quantising, config: Mapping[str, Any]) -> dict[str, object]:
    """What the checkpoint says of itself, and the numbers that it does not keep."""
    is_float = numbers.qformat == "full_prec"
    local = Path(numbers.calib_dataset)
    asked = evolve(numbers, calib_dataset=local.name) if local.is_absolute() else numbers  # no paths of this machine
    return {
        "model_id": model["id"],
        "model_revision": model["revision"],
        **weights(config),
        "quant_method": numbers.qformat,
        "calib_dataset": metadata.NONE if is_float else asked.calib_dataset,
        "calib_size": metadata.NONE if is_float else asked.calib_size,
        "calib_seqlen": metadata.NONE if is_float else asked.calib_seqlen,
        "calib_batch_size": metadata.NONE if is_float else asked.calib_batch_size,
        "tp_size": numbers.tp_size,
        "pp_size": numbers.pp_size,
        "seed": SEED,
    }


def weights(config: Mapping[str, Any]) -> dict[str, object]:
    """How a checkpoint's or an engine's model configuration says its weights are stored."""
    said = config.get("quantization")
    quantization = said if isinstance(said, Mapping) else {}
    algorithm = quantization.get("quant_algo")
    is_awq = isinstance(algorithm, str) and algorithm.startswith("W4A16")
    return {
        "dtype": config.get("dtype"),
        "quantization": algorithm or metadata.NONE,
        "kv_cache_dtype": quantization.get("kv_cache_quant_algo") or metadata.NONE,
        "awq_block_size": quantization.get("group_size") if is_awq else metadata.NONE,
    }


def _made_with(versions: Versions) -> dict[str, object]:
    return {
        "tensorrt_llm_version": versions.tensorrt_llm,
        "modelopt_version": versions.modelopt,
        "cuda_toolkit": versions.cuda,
    }


__all__ = ["make", "require_checkpoint", "weights"]
