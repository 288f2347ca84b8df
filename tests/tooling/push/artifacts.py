"""Things made here, as the quantiser and the engine builder leave them in the cache, with random weights."""

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tooling import cache
from tooling.cache import Entry

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LABEL = "sm90_trt-llm-1.2.1_cuda13.1"
BASE = "org/base"
EXPORT_README = '---\nlicense: "apache-2.0"\nbase_model: "org/base"\n---\n\n# base, W4A16_ASYM\n'
EXPORT: Mapping[str, Any] = {
    "source_model": BASE,
    "source_revision": COMMIT,
    "scheme": "W4A16_ASYM",
    "method": "awq",
    "created_at": "2026-11-28T12:00:00+00:00",
    "pipeline": "yap-text-inference",
}
CHECKPOINT: Mapping[str, Any] = {
    "model_id": BASE,
    "model_revision": COMMIT,
    "dtype": "float16",
    "quant_method": "int4_awq",
    "quantization": "W4A16_AWQ",
    "kv_cache_dtype": "none",
    "awq_block_size": 128,
    "calib_dataset": "cnn_dailymail",
    "calib_size": 32,
    "calib_seqlen": 5175,
    "calib_batch_size": 16,
    "tensorrt_llm_version": "1.2.1",
    "modelopt_version": "0.37.0",
    "cuda_toolkit": "13.1",
    "sm_arch": "sm90",
    "gpu_name": "NVIDIA H100 80GB HBM3",
    "nvidia_driver": "590.48",
    "tp_size": 1,
    "pp_size": 1,
    "seed": 1234,
    "seconds": 300.0,
    "built_at": "2026-11-28T12:00:00+00:00",
}
ENGINE: Mapping[str, Any] = {
    **CHECKPOINT,
    "max_batch_size": 32,
    "max_input_len": 5025,
    "max_output_len": 150,
    "max_seq_len": 5175,
    "max_num_tokens": 8192,
    "tensorrt_version": "10.13.3",
    "gpu_vram_gb": 79.6,
    "engine_label": LABEL,
    "built_at": "2026-11-28T12:10:00+00:00",
}
TEXTS = {
    "config.json": b'{"model_type": "llama"}',
    "generation_config.json": b'{"eos_token_id": 2}',
    "tokenizer.json": b'{"model": {}}',
    "tokenizer_config.json": b"{}",
    "chat_template.jinja": b"{{ messages }}",
    "README.md": b"---\nlicense: other\nlicense_name: base-terms\nlicense_link: LICENSE\n---\n# base\n",
    "LICENSE": b"terms",
}


def weights(size: int = 30_000, seed: int = 0) -> bytes:
    """Bytes that no compression makes smaller."""
    return random.Random(seed).randbytes(size)


def make(home: Path, kind: str, name: str, recipe: Mapping[str, object], files: Mapping[str, bytes]) -> Path:
    """A complete entry of the cache."""

    def build(place: Path) -> None:
        for path, content in files.items():
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            (place / path).write_bytes(content)

    return cache.ensure(Entry(kind=kind, name=name, recipe=recipe), home, build, print)


def export(home: Path, more: Mapping[str, bytes] | None = None, told: Mapping[str, Any] = EXPORT) -> Path:
    """An export for vLLM."""
    quantised = {"model_type": "llama", "quantization_config": {"quant_method": "compressed-tensors"}}
    held = {
        **{path: content for path, content in TEXTS.items() if path not in ("README.md", "LICENSE")},
        "config.json": json.dumps(quantised).encode(),
        "model.safetensors": weights(),
        "recipe.yaml": b"stages: {}\n",
        "awq_metadata.json": json.dumps(told).encode(),
        "README.md": EXPORT_README.encode(),
        **(more or {}),
    }
    return make(home, "quant", "base-w4a16_asym", {"made": "export", **told}, held)


def checkpoint(home: Path, told: Mapping[str, Any] = CHECKPOINT) -> tuple[Path, str]:
    """A TensorRT-LLM checkpoint, and its key."""
    entry = Entry(kind="trt/checkpoints", name="base", recipe={"made": "trt-checkpoint", **told})
    config = {"architecture": "LlamaForCausalLM", "quantization": {"quant_algo": told["quantization"]}}
    files = {
        "config.json": json.dumps(config).encode(),
        "rank0.safetensors": weights(seed=1),
        "checkpoint_metadata.json": json.dumps({**told, "checkpoint_key": entry.key}).encode(),
    }
    return make(home, entry.kind, entry.name, entry.recipe, files), entry.key


def engine(home: Path, origin: Mapping[str, object], told: Mapping[str, Any] = ENGINE) -> Path:
    """A TensorRT engine. `origin`: what it was built from, as its recipe has it."""
    command = (
        f"/opt/venv/bin/trtllm-build --checkpoint_dir {home}/trt/c --output_dir {home}/trt/e --log_level warning\n"
    )
    files = {
        "config.json": b'{"version": "1.2.1", "build_config": {}}',
        "rank0.engine": weights(seed=2),
        "build_metadata.json": json.dumps(told).encode(),
        "build_command.txt": command.encode(),
    }
    recipe = {"made": "trt-engine", "checkpoint": dict(origin), "max_batch_size": told["max_batch_size"]}
    return make(home, "trt/engines", "base", {**recipe, "at": told["built_at"]}, files)


__all__ = [
    "BASE",
    "CHECKPOINT",
    "COMMIT",
    "ENGINE",
    "EXPORT",
    "LABEL",
    "TEXTS",
    "checkpoint",
    "engine",
    "export",
    "make",
    "weights",
]
