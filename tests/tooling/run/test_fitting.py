"""What TensorRT-LLM cannot serve is refused before the server loads anything."""

import json
from pathlib import Path
from typing import Any

import pytest

from runtime.gpus import GpuMemory
from runtime.settings import Settings
from tooling.refusal import Refusal
from tooling.run.fitting import require_fit

H200 = GpuMemory(0, "GPU-1", "NVIDIA H200", "sm90", 140.0, 139.0)
L4 = GpuMemory(0, "GPU-2", "NVIDIA L4", "sm89", 23.0, 22.0)


def settings(**environ: str) -> Settings:
    common = {"TEXT_API_KEY": "k", "MAX_CONCURRENT_CONNECTIONS": "8", "INFERENCE_ENGINE": "trt", "CHAT_MODEL": "o/m"}
    return Settings.from_env(common | environ)


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    """A compiled engine for an H200, as far as its JSON tells."""
    directory = tmp_path / "engine"
    directory.mkdir()
    built = {"max_input_len": 5025, "max_seq_len": 5175, "max_batch_size": 16, "max_num_tokens": 8192}
    config = {"version": "1.2.1", "pretrained_config": {"dtype": "float16"}, "build_config": built}
    metadata = {"tensorrt_llm_version": "1.2.1", "sm_arch": "sm90", "max_batch_size": 16}
    (directory / "config.json").write_text(json.dumps(config))
    (directory / "build_metadata.json").write_text(json.dumps(metadata))
    (directory / "rank0.engine").write_bytes(b"")
    return directory


def checkpoint(tmp_path: Path, **config: Any) -> str:
    directory = tmp_path / "model"
    directory.mkdir()
    (directory / "config.json").write_text(json.dumps({"model_type": "llama", **config}))
    (directory / "tokenizer.json").write_text("{}")
    return str(directory)


def test_an_engine_that_was_built_for_this_gpu_and_library_fits(engine: Path) -> None:
    require_fit(settings(TRT_ENGINE_DIR=str(engine), TRT_BATCH_SIZE="16"), [H200], "1.2.1")


@pytest.mark.parametrize(
    ("gpu", "library", "environ", "said"),
    [
        (L4, "1.2.1", {}, ["sm90", "sm89", "just build-trt"]),
        (H200, "1.1.0", {}, ["1.2.1", "1.1.0"]),
        (H200, "1.3.0rc22", {}, ["1.3.0rc22", "ended with 1.2", "TRT_ENGINE_DIR"]),
        (H200, "1.2.1", {"TRT_BATCH_SIZE": "17"}, ["TRT_BATCH_SIZE is 17", "16"]),
        (H200, "1.2.1", {"CHAT_MAX_LEN": "9000"}, ["CHAT_MAX_LEN"]),
        (H200, "1.2.1", {"CHAT_TENSOR_PARALLEL": "2"}, ["CHAT_TENSOR_PARALLEL is 2"]),
    ],
)
def test_an_engine_that_cannot_run_here_is_refused_with_both_values(
    engine: Path, gpu: GpuMemory, library: str, environ: dict[str, str], said: list[str]
) -> None:
    with pytest.raises(Refusal) as caught:
        require_fit(settings(TRT_ENGINE_DIR=str(engine), **environ), [gpu], library)
    assert caught.value.exit_code == 3
    assert all(words in str(caught.value) for words in said)


def test_an_engine_directory_without_a_rank_is_incomplete(engine: Path) -> None:
    (engine / "rank0.engine").unlink()
    with pytest.raises(Refusal, match=r"incomplete: rank0\.engine"):
        require_fit(settings(TRT_ENGINE_DIR=str(engine)), [H200], "1.2.1")


def test_a_checkpoint_is_served_by_any_version_on_any_gpu(tmp_path: Path) -> None:
    for library in ("1.2.1", "1.4.0", None):
        require_fit(settings(), [L4], library)
    require_fit(settings(CHAT_MODEL=checkpoint(tmp_path)), [H200], "1.2.1")


@pytest.mark.parametrize("asked", ["awq", "4bit", "fp8", "8bit", "int8_sq"])
def test_a_format_that_nothing_would_make_is_refused_instead_of_ignored(tmp_path: Path, asked: str) -> None:
    with pytest.raises(Refusal, match="TRT_ENGINE_DIR"):
        require_fit(settings(CHAT_MODEL=checkpoint(tmp_path), CHAT_QUANTIZATION=asked), [H200], "1.2.1")


def test_a_quantised_checkpoint_is_used_as_it_is_and_only_none_refuses_it(tmp_path: Path) -> None:
    model = checkpoint(tmp_path, quantization_config={"quant_method": "fp8"})
    for asked in ("auto", "fp8"):
        require_fit(settings(CHAT_MODEL=model, CHAT_QUANTIZATION=asked), [H200], "1.2.1")
    with pytest.raises(Refusal, match="use auto"):
        require_fit(settings(CHAT_MODEL=model, CHAT_QUANTIZATION="none"), [H200], "1.2.1")


def test_a_checkpoint_of_the_build_is_no_model_to_serve(tmp_path: Path) -> None:
    model = checkpoint(tmp_path, architecture="LlamaForCausalLM")
    (Path(model) / "rank0.safetensors").write_bytes(b"")
    with pytest.raises(Refusal, match="just build-trt"):
        require_fit(settings(CHAT_MODEL=model), [H200], "1.2.1")
