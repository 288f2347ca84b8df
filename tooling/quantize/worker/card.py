"""The README of an export, out of its metadata."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tooling.quantize.worker.licence import UNKNOWN, Licence

_METHODS = {
    "awq": "AWQ: scales sought with calibration data, then rounded in groups of 128",
    "round": "rounded to nearest in groups of 128, without looking at data",
    "fp8": "8-bit floats, a scale for each row of weights and each token, no calibration",
}


def text(metadata: Mapping[str, Any], licence: Licence, recipe: str | None) -> str:
    """Front matter, facts, recipe, how to serve it, licence. `recipe`: llmcompressor's own, where it wrote one."""
    source = metadata["source_model"]
    name = source.rpartition("/")[2]
    parts = [
        _front_matter(metadata, licence),
        f"# {name}, {metadata['scheme']}",
        f"Made of {_linked(metadata)} for vLLM, by yap-text-inference with llmcompressor.",
        "\n".join(["| | |", "| --- | --- |", *(f"| {key} | {value} |" for key, value in _facts(metadata))]),
        "## Recipe",
        f"```yaml\n{recipe.strip()}\n```" if recipe else _recipe(metadata),
        "## Serving",
        "With yap-text-inference, where HERE is this repository or directory:",
        "```sh\njust run-vllm HERE\n```",
        "With plain vLLM, which reads from `config.json` how the weights are stored:",
        "```sh\nvllm serve HERE\n```",
        "## Licence",
        _licence(licence, source),
    ]
    return "\n\n".join(parts) + "\n"


def _front_matter(metadata: Mapping[str, Any], licence: Licence) -> str:
    bits = "8-bit" if metadata["method"] == "fp8" else "4-bit"
    tags = ["vllm", "compressed-tensors", "llmcompressor", bits, *(["awq"] if metadata["method"] == "awq" else [])]
    lines = {
        **licence.lines(),
        # Of a directory there is no repository that could be named.
        "base_model": metadata["source_model"] if metadata["source_revision"] else None,
        "base_model_relation": "quantized" if metadata["source_revision"] else None,
        "tags": tags,
        "pipeline_tag": "text-generation",
    }
    # JSON is YAML, and quotes whatever has to be quoted.
    return "\n".join(["---", *(f"{key}: {json.dumps(value)}" for key, value in lines.items() if value), "---"])


def _facts(metadata: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    quality, seen, data = metadata["quality"], metadata["calibration_config"], metadata["calibration_dataset"]
    yield "base model", _linked(metadata)
    stored = metadata["quantization_config"].get("format")
    yield "weights", f"{metadata['scheme']} ({stored}), {metadata['quantized_layers']} layers"
    yield "method", _METHODS[metadata["method"]]
    yield (
        "kept as they were",
        ", ".join(f"`{name}`" for name in metadata["quantization_config"].get("ignore", ())) or "nothing",
    )
    if data["effective"]:
        with_template = ", in the model's chat template" if seen["chat_template"] else ""
        tokens = f"{seen['num_samples']} texts of at most {seen['max_seq_length']} tokens{with_template}"
        yield "calibration", f"{data['effective']} ({data['revision']}): {tokens}"
    before, after = quality["perplexity_before"], quality["perplexity_after"]
    yield "perplexity", f"{before:.3f} before, {after:.3f} after, over {quality['samples']} held-out texts"
    yield (
        "made with",
        (
            f"{metadata['awq_version']}, compressed-tensors {metadata['compressed_tensors_version']}, "
            f"transformers {metadata['transformers_version']}, torch {metadata['torch_version']}"
        ),
    )
    where = f"{metadata['gpu_name']} ({metadata['sm_arch']})" if metadata["gpu_name"] else "a CPU"
    yield "made on", f"{where}, {metadata['created_at']}, in {metadata['seconds']} s"


def _linked(metadata: Mapping[str, Any]) -> str:
    model, revision = metadata["source_model"], metadata["source_revision"]
    return f"[{model}](https://huggingface.co/{model}) at `{revision}`" if revision else f"`{model}`"


def _recipe(metadata: Mapping[str, Any]) -> str:
    config = metadata["quantization_config"]
    kept = {key: config[key] for key in ("config_groups", "ignore") if key in config}
    return f"```json\n{json.dumps(kept, indent=2)}\n```"


def _licence(licence: Licence, source: str) -> str:
    terms = licence.name or licence.identifier
    where = f": {licence.link}" if licence.link else ""
    if licence.name == UNKNOWN:
        return f"The base model does not say under which licence it stands{where or ' in its card'}."
    return f"That of the base model, {terms}{where}."


__all__ = ["text"]
