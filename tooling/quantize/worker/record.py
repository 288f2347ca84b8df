"""What is written beside the weights: `awq_metadata.json` and `README.md`, both out of what was made and read back."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from tooling.quantize.job import Job
from tooling.quantize.worker import card, licence
from tooling.quantize.worker.calibrating import Used

METADATA = "awq_metadata.json"
README = "README.md"
PIPELINE = "yap-text-inference"
# What goes along with weights; whatever else lies in a model's directory stays there.
_KEPT = (".safetensors", ".json", ".jinja", ".model", ".txt", ".tiktoken", ".bpe", ".vocab", ".py")
_TERMS = ("LICENSE", "LICENCE", "NOTICE", "USE_POLICY")
_OURS = ("key.json", "complete.json", METADATA)


@frozen(kw_only=True)
class Facts:
    """One export, as it came out. `calibration`: None where nothing was looked at; `gpu_name`, `sm_arch`: of the GPU
    it was made on, None on a CPU; `tools`: the versions that were there; `layers`: how many are quantised;
    `was_read_back`: whether the perplexity is that of the files, not of the model they were written from.
    """

    job: Job
    quantization_config: Mapping[str, Any]
    calibration: Used | None
    model_type: str
    perplexity_before: float
    perplexity_after: float
    was_read_back: bool
    layers: int
    gpu_name: str | None
    sm_arch: str | None
    seconds: float
    created_at: str
    tools: Mapping[str, str]


def is_kept(name: str) -> bool:
    """Whether a file of the source belongs into an export."""
    return name not in _OURS and (name.endswith(_KEPT) or name.startswith(_TERMS))


def metadata(facts: Facts) -> dict[str, Any]:
    """The content of `awq_metadata.json`."""
    job, asked, used = facts.job, facts.job.calibration, facts.calibration
    return {
        "source_model": job.shown,
        "source_revision": job.revision,
        "scheme": job.scheme,
        "method": job.method,
        "awq_version": f"llmcompressor=={facts.tools['llmcompressor']}",
        "compressed_tensors_version": facts.tools["compressed-tensors"],
        "transformers_version": facts.tools["transformers"],
        "torch_version": facts.tools["torch"],
        "quantization_config": {**facts.quantization_config, "backend": "llmcompressor"},
        "quantized_layers": facts.layers,
        "calibration_dataset": {
            "requested": (asked.name if asked.path else asked.requested) if asked else None,
            "effective": asked.name if asked else None,
            "revision": (used.revision or (asked.digest if asked else None)) if used else None,
        },
        "calibration_config": {
            "num_samples_requested": asked.samples if asked else None,
            "num_samples": used.samples if used else 0,
            "max_seq_length_requested": asked.tokens_requested if asked else None,
            "max_seq_length": asked.tokens if asked else None,
            "seed": asked.seed if asked else None,
            "chat_template": used.chat_template if used else False,
            "model_type": "Chat (MoE)" if job.is_moe else "Chat",
            "hf_model_type": facts.model_type,
        },
        "quality": {
            "perplexity_before": facts.perplexity_before,
            "perplexity_after": facts.perplexity_after,
            "samples": 8,
            "measured_on": "the files" if facts.was_read_back else "the model in memory",
        },
        "gpu_name": facts.gpu_name,
        "sm_arch": facts.sm_arch,
        "seconds": facts.seconds,
        "created_at": facts.created_at,
        "pipeline": PIPELINE,
        "key": job.key,
    }


def write(facts: Facts, *, source: Path, output: Path) -> None:
    """Write both, and bring the source's terms along."""
    for path in source.iterdir():
        if path.is_file() and path.name.startswith(_TERMS) and not (output / path.name).exists():
            (output / path.name).write_bytes(path.read_bytes())
    told = metadata(facts)
    (output / METADATA).write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    terms = licence.of(source / README, facts.job.model if facts.job.revision else None)
    recipe = output / "recipe.yaml"
    text = card.text(told, terms, recipe.read_text(encoding="utf-8") if recipe.exists() else None)
    (output / README).write_text(text, encoding="utf-8")


__all__ = ["METADATA", "README", "Facts", "is_kept", "metadata", "write"]
