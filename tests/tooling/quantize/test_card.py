"""What is written beside the weights says what was made."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tooling.quantize.worker import card, licence
from tooling.quantize.worker.licence import Licence

METADATA: dict[str, Any] = {
    "source_model": "org/Some-Model-8B",
    "source_revision": "0123abc",
    "scheme": "W4A16_ASYM",
    "method": "awq",
    "awq_version": "llmcompressor==0.14.0.1",
    "compressed_tensors_version": "0.19.0",
    "transformers_version": "5.17.0",
    "torch_version": "2.13.0",
    "quantization_config": {"format": "pack-quantized", "ignore": ["lm_head"], "config_groups": {"g": {}}},
    "quantized_layers": 224,
    "calibration_dataset": {"requested": "Open-Platypus", "effective": "open_platypus", "revision": "fedcba"},
    "calibration_config": {"num_samples": 60, "max_seq_length": 2048, "chat_template": False},
    "quality": {"perplexity_before": 7.25, "perplexity_after": 7.5, "samples": 8},
    "gpu_name": "NVIDIA H100 80GB HBM3",
    "sm_arch": "sm90",
    "seconds": 312.5,
    "created_at": "2026-11-28T20:00:00+00:00",
}


def front_matter(text: str) -> dict[str, Any]:
    said = yaml.safe_load(text.split("---")[1])
    assert isinstance(said, dict)
    return said


def test_the_card_says_what_the_metadata_says() -> None:
    text = card.text(METADATA, Licence("llama3.1"), "default_stage: {}")
    said = front_matter(text)
    assert said["license"] == "llama3.1"
    assert said["base_model"] == "org/Some-Model-8B"
    assert {"vllm", "awq", "4-bit"} <= set(said["tags"])
    assert said["pipeline_tag"] == "text-generation"
    for fact in ("224 layers", "`0123abc`", "60 texts of at most 2048 tokens", "fedcba", "7.250 before", "sm90"):
        assert fact in text
    assert "default_stage: {}" in text
    assert "just run-vllm" in text
    assert "vllm serve" in text


def test_an_8bit_export_made_on_a_cpu_says_that_and_shows_the_recipe_that_there_is() -> None:
    nothing = {"requested": None, "effective": None, "revision": None}
    made = {**METADATA, "method": "fp8", "gpu_name": None, "sm_arch": None, "calibration_dataset": nothing}
    text = card.text(made, Licence("mit"), None)
    assert "8-bit" in front_matter(text)["tags"]
    assert "a CPU" in text
    assert "| calibration |" not in text
    assert '"config_groups"' in text


def test_a_directory_of_this_machine_is_no_base_model() -> None:
    text = card.text({**METADATA, "source_model": "my-model", "source_revision": None}, Licence("mit"), None)
    assert "base_model" not in front_matter(text)
    assert "huggingface.co" not in text


@pytest.mark.parametrize(
    ("readme", "expected"),
    [
        ("---\nlicense: apache-2.0\n---\n# x", Licence("apache-2.0")),
        (
            "---\nlicense: other\nlicense_name: qwen\nlicense_link: https://x/y\n---\n",
            Licence("other", "qwen", "https://x/y"),
        ),
        ("# no front matter", Licence("other", "unknown", "https://huggingface.co/org/name")),
        ("---\r\nlicense: [mit]\r\n---\r\n# x", Licence("mit")),
        (
            "---\nlicense: other\nlicense_name: a---b\nlicense_link: ./LICENSE\n---\n",
            Licence("other", "a---b", "https://huggingface.co/org/name/blob/main/LICENSE"),
        ),
        ("# x\n---\nlicense: mit\n---\n", Licence("other", "unknown", "https://huggingface.co/org/name")),
        ("---\n- license\n---\n", Licence("other", "unknown", "https://huggingface.co/org/name")),
        ("---\nlicense: [a, b]\n---\n", Licence("other", "unknown", "https://huggingface.co/org/name")),
        ("---\n: : :\n---\n", Licence("other", "unknown", "https://huggingface.co/org/name")),
        (None, Licence("other", "unknown", "https://huggingface.co/org/name")),
    ],
)
def test_a_licence_is_read_and_never_guessed(tmp_path: Path, readme: str | None, expected: Licence) -> None:
    if readme is not None:
        (tmp_path / "README.md").write_text(readme)
    assert licence.of(tmp_path / "README.md", "org/name") == expected


def test_what_a_name_needs_is_quoted() -> None:
    strange = Licence("other", 'a: "b" #c', "https://x/?a=1&b=2")
    said = front_matter(card.text(METADATA, strange, None))
    assert said["license_name"] == 'a: "b" #c'
    assert json.dumps(said)
