"""A model that was looked at: what of it is fetched, what stands for it in keys, and who can read it."""

import json
from pathlib import Path
from typing import Any

import pytest

from engines.quantised import Format
from runtime.settings import EngineName
from tooling.models import Model, read_directory, require_suitable
from tooling.models.identity import fingerprint
from tooling.refusal import REFUSED, Refusal

WEIGHTS = (("model.safetensors", 9_000),)


def model(config: dict[str, Any], listing: tuple[tuple[str, int], ...] = WEIGHTS, **more: Any) -> Model:
    files = {"config.json": {"model_type": "llama", **config}}
    return Model(name="org/name", revision="c" * 40, files=files, listing=listing, **more)


def quantised(method: str, **more: Any) -> Model:
    return model({"quantization_config": {"quant_method": method}}, **more)


def tensors(path: Path, data: bytes, dtype: str = "F16") -> None:
    """A safetensors file with one tensor."""
    header = json.dumps({"w": {"dtype": dtype, "shape": [len(data) // 2], "data_offsets": [0, len(data)]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + data)


@pytest.mark.parametrize(
    ("asked", "made", "note"),
    [
        ("auto", "awq", None),
        ("4bit", "awq", "already 4-bit (AWQ), used as it is"),
        ("4bit", "gptq", "already 4-bit (GPTQ), used as it is"),
        ("8bit", "fp8", "already 8-bit (FP8), used as it is"),
        ("8bit", "awq", "8bit was asked for; the checkpoint is already quantised (awq), used as it is"),
        ("4bit", "fp8", "4bit was asked for; the checkpoint is already quantised (fp8), used as it is"),
        ("gptq", "gptq", None),
        ("auto", "mxfp4", None),
    ],
)
def test_a_quantised_model_is_used_as_it_is(asked: str, made: str, note: str | None) -> None:
    notes = require_suitable(quantised(made), EngineName.VLLM, asked)
    assert notes == ((note,) if note else ())


def test_an_unknown_method_is_vllms_affair_and_nothing_for_tensorrt() -> None:
    (note,) = require_suitable(quantised("hqq"), EngineName.VLLM, "auto")
    assert note == "org/name is quantised by hqq, which is not known here; it is given to vLLM as it is"
    with pytest.raises(
        Refusal, match="quantised by hqq, which TensorRT-LLM does not know: serve it with just run-vllm"
    ):
        require_suitable(quantised("hqq"), EngineName.TRT, "auto")


@pytest.mark.parametrize(
    ("found", "asked", "said"),
    [
        (quantised("awq"), "none", "CHAT_QUANTIZATION is none, but org/name is quantised"),
        (model({}), "gptq", "CHAT_QUANTIZATION is gptq, but org/name is not quantised"),
        (model({}, (("pytorch_model.bin", 9),)), "auto", "org/name has only pytorch_model.bin: weights are read from"),
        (model({}, (("config.json", 9),)), "auto", "org/name has no weights at all"),
        (model({}, (("config.json", 9),), from_cache=True), "auto", "only a part is in the cache, no weights"),
        (
            Model(name="org/trt", files={"config.json": {"architecture": "X"}}, listing=(("rank0.safetensors", 1),)),
            "auto",
            "org/trt is a TensorRT-LLM checkpoint, which only TensorRT-LLM can read: serve it with just run-trt, or",
        ),
        (
            Model(name="org/trt", files={"config.json": {"build_config": {}}}, listing=(("rank0.engine", 1),)),
            "auto",
            "org/trt is a compiled TensorRT-LLM engine",
        ),
    ],
)
def test_what_cannot_be_served_is_refused_with_the_way_out(found: Model, asked: str, said: str) -> None:
    with pytest.raises(Refusal) as caught:
        require_suitable(found, EngineName.VLLM, asked)
    assert said in str(caught.value) and caught.value.exit_code == REFUSED


def test_a_mirror_that_says_no_sizes_has_weights_all_the_same() -> None:
    assert require_suitable(model({}, (("model.safetensors", 0),)), EngineName.VLLM, "auto") == ()


def test_of_two_copies_of_the_weights_the_sharded_one_is_fetched() -> None:
    listing = (("consolidated.safetensors", 5), ("model-00001-of-00001.safetensors", 5), ("a/b.json", 1), ("x.bin", 9))
    found = model({}, listing)
    assert dict(found.wanted) == {"model-00001-of-00001.safetensors": 5, "a/b.json": 1}
    assert model({}, listing[:1]).weight_bytes == 5


def test_a_directory_is_read_with_its_links_and_without_hidden_ones(tmp_path: Path) -> None:
    blob = tmp_path / "blob"
    blob.write_text('{"model_type": "llama", "quantization_config": {"quant_method": "awq"}}')
    place = tmp_path / "A Model (copy)"
    (place / ".git").mkdir(parents=True)
    (place / ".git/config.json").write_text("{")
    (place / "config.json").symlink_to(blob)
    (place / "gone.json").symlink_to(tmp_path / "gone")
    found = read_directory(place)
    assert (found.made, found.slug, dict(found.listing)) == (
        Format.AWQ,
        "a-model--copy",
        {"config.json": blob.stat().st_size},
    )


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": ' * 5_000, "\xff"])
def test_a_broken_config_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text, encoding="latin-1")
    with pytest.raises(Refusal, match=r"config.json of .* (cannot be read|is not a JSON object)"):
        read_directory(tmp_path)


def test_a_directory_without_a_model_is_said_to_have_none(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"holds no model: there is no config.json in it"):
        read_directory(tmp_path)


def test_everything_that_decides_the_result_is_in_the_fingerprint(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "README.md").write_text("a")
    tensors(tmp_path / "model.safetensors", bytes(100_000))
    seen = [fingerprint(tmp_path)]

    def changed() -> bool:
        seen.append(fingerprint(tmp_path))
        return seen[-1] != seen[-2]

    (tmp_path / "README.md").write_text("b")
    assert not changed()
    tensors(tmp_path / "model.safetensors", bytes(100_000), dtype="BF16")
    assert changed()
    tensors(tmp_path / "model.safetensors", bytes(100_002))
    assert changed()
    # Trained on, in the same place: the same names and shapes, other numbers.
    tensors(tmp_path / "model.safetensors", b"\1\2" * 50_001)
    assert changed()
    (tmp_path / "config.json").write_text('{"a": 1}')
    assert changed()
    (tmp_path / "modeling.py").write_text("x = 1")
    assert changed()


@pytest.mark.parametrize("content", [b"", b"short", b"\xff" * 64, (10_000).to_bytes(8, "little") + b"{}"])
def test_half_a_safetensors_file_is_told_as_one(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(Refusal, match=r"model.safetensors is no whole safetensors file"):
        fingerprint(tmp_path)
