"""Reading an export back: what was quantised is told from what was not by the files alone."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tooling.quantize.worker import artifact
from tooling.quantize.worker.telling import Failure

IGNORE = ["lm_head", "re:.*mlp.gate$"]
LINEAR = ["model.layers.0.self_attn.q_proj", "model.layers.0.mlp.up_proj"]
NORMS = {"model.embed_tokens.weight": ("BF16", [64, 8]), "model.norm.weight": ("BF16", [8])}
Tensors = Mapping[str, tuple[str, list[int]]]


def write(place: Path, tensors: Tensors, config: Mapping[str, Any] | None = None) -> Path:
    """A directory with headers only: no weight is read."""
    header = {name: {"dtype": kind, "shape": shape, "data_offsets": [0, 0]} for name, (kind, shape) in tensors.items()}
    data = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    (place / "model.safetensors").write_bytes(len(data).to_bytes(8, "little") + data)
    section = {"quant_method": "compressed-tensors", "ignore": IGNORE} if config is None else config
    (place / "config.json").write_text(json.dumps({"quantization_config": section}))
    return place


def packed(name: str) -> dict[str, tuple[str, list[int]]]:
    return {f"{name}.weight_packed": ("I32", [8, 1]), f"{name}.weight_scale": ("BF16", [8, 1])}


def eight_bit(name: str) -> dict[str, tuple[str, list[int]]]:
    return {f"{name}.weight": ("F8_E4M3", [8, 8]), f"{name}.weight_scale": ("BF16", [8, 1])}


def test_both_ways_of_storing_count(tmp_path: Path) -> None:
    head = {"lm_head.weight": ("BF16", [64, 8])}
    place = write(tmp_path, {**NORMS, **head, **packed(LINEAR[0]), **eight_bit(LINEAR[1])})
    assert artifact.require_packed(place, linear=LINEAR, plain=["embed_tokens"]) == 2


@pytest.mark.parametrize(
    ("tensors", "told"),
    [
        ({**packed(LINEAR[0]), f"{LINEAR[1]}.weight": ("BF16", [8, 8])}, "1 of 2.*left as they were: .*up_proj"),
        ({f"{name}.weight": ("BF16", [8, 8]) for name in LINEAR}, "0 of 2"),
        ({**packed(LINEAR[0])}, "1 of 2"),
        ({**packed(LINEAR[0]), f"{LINEAR[1]}.weight": ("F8_E4M3", [8, 8])}, "1 of 2"),
        ({**packed(LINEAR[0]), **packed(LINEAR[1]), "model.layers.0.experts.up": ("BF16", [4, 8, 8])}, "experts.up"),
        ({**packed(LINEAR[0]), **packed(LINEAR[1]), "model.other.weight": ("F32", [8, 8])}, "model.other"),
    ],
)
def test_a_layer_that_was_left_as_it_was_is_told(tmp_path: Path, tensors: Tensors, told: str) -> None:
    with pytest.raises(Failure, match=told):
        artifact.require_packed(write(tmp_path, {**NORMS, **tensors}), linear=LINEAR, plain=["embed_tokens"])


def test_a_router_stays_because_it_is_ignored(tmp_path: Path) -> None:
    tensors = {**NORMS, **packed(LINEAR[0]), **packed(LINEAR[1]), "model.layers.0.mlp.gate.weight": ("BF16", [4, 8])}
    assert artifact.require_packed(write(tmp_path, tensors), linear=LINEAR, plain=["embed_tokens"]) == 2


@pytest.mark.parametrize("config", [{"quant_method": "awq"}, [], 3])
def test_a_config_that_says_something_else_is_no_export(tmp_path: Path, config: Any) -> None:
    with pytest.raises(Failure, match="quantization_config"):
        artifact.quantization_config(write(tmp_path, NORMS, config))


@pytest.mark.parametrize(
    "data", [b"", b"\xff" * 20, (1 << 62).to_bytes(8, "little") + b"{}", b"\x02" + b"\0" * 7 + b"[]"]
)
def test_a_broken_file_is_told(tmp_path: Path, data: bytes) -> None:
    (write(tmp_path, NORMS) / "model.safetensors").write_bytes(data)
    with pytest.raises(Failure, match=r"model\.safetensors"):
        artifact.tensors(tmp_path)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("lm_head", True), ("model.lm_head", False), ("model.layers.0.mlp.gate", True), ("a.mlp.gate_proj", False)],
)
def test_patterns_match_as_the_library_does(name: str, expected: bool) -> None:
    assert artifact.matches(name, IGNORE) is expected


def test_layers_have_to_keep_the_names_of_the_source(tmp_path: Path) -> None:
    """Mixtral's experts come out of llmcompressor as others than vLLM reads."""
    source, output = tmp_path / "source", tmp_path / "output"
    source.mkdir()
    output.mkdir()
    write(source, {**NORMS, **{f"{name}.weight": ("BF16", [8, 8]) for name in LINEAR}})
    artifact.require_names(write(output, {**NORMS, **packed(LINEAR[0]), **eight_bit(LINEAR[1])}), source=source)
    write(output, packed("model.layers.0.block_sparse_moe.experts.0.up_proj"))
    with pytest.raises(Failure, match=r"experts\.0\.up_proj.*8bit"):
        artifact.require_names(output, source=source)
    write(source, {"model.layers.0.experts.up": ("BF16", [4, 8, 8])})  # one tensor for all: written otherwise, and read
    artifact.require_names(output, source=source)
