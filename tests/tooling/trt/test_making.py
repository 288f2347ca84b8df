"""Workers on the stand-in of TensorRT-LLM: what they make, what they refuse to keep, what their metadata says.

They are called in this process; `test_processes.py` runs them as commands do. None of this has been seen on the
library itself.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import define

from tests.engines.trt import library
from tests.tooling.trt.conftest import EIGHT, FOUR, SIZE, Decide
from tests.tooling.trt.machine import LABEL, machine, write_checkpoint, write_model
from tooling.preparing import Step
from tooling.refusal import Refusal
from tooling.trt import Decision
from tooling.trt.worker import checkpoint, engine
from tooling.trt.worker.metadata import CHECKPOINT_FIELDS, ENGINE_FIELDS, write

MAKERS = {"checkpoint": checkpoint.make, "engine": engine.make}
SPECIFIED = (
    "model_id, model_revision, dtype, quant_method, quantization, kv_cache_dtype, awq_block_size, calib_dataset, "
    "calib_size, calib_seqlen, calib_batch_size, max_batch_size, max_input_len, max_output_len, max_seq_len, "
    "max_num_tokens, tensorrt_llm_version, tensorrt_version, modelopt_version, cuda_toolkit, sm_arch, gpu_name, "
    "gpu_vram_gb, nvidia_driver, tp_size, engine_label, checkpoint_key, engine_key, seconds, built_at"
)


@define
class Bench:
    """Runs the worker of a step in this process."""

    environ: Mapping[str, str]

    def make(self, step: Step, output: Path) -> dict[str, Any]:
        """What the worker made of the step."""
        output.mkdir(parents=True, exist_ok=True)
        return MAKERS[step.name]({**step.job, "output": str(output)}, self.environ)

    def both(self, decision: Decision) -> tuple[Path, Path]:
        """Where checkpoint and engine of a decision were made."""
        first, second = decision.steps
        assert decision.checkpoint_dir is not None
        assert decision.engine_dir is not None
        self.make(first, decision.checkpoint_dir)
        self.make(second, decision.engine_dir)
        return decision.checkpoint_dir, decision.engine_dir


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    environ = machine(tmp_path / "machine")
    monkeypatch.syspath_prepend(tmp_path / "machine" / "site")
    with library.standing_in():
        yield Bench(environ)


def loaded(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text()))


def test_an_engines_metadata_is_whole_and_in_the_order_of_the_specification() -> None:
    assert ", ".join(ENGINE_FIELDS) == SPECIFIED


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (FOUR, {"quant_method": "int4_awq", "quantization": "W4A16_AWQ", "calib_size": 32, "awq_block_size": 128}),
        (EIGHT, {"quant_method": "fp8", "quantization": "FP8", "kv_cache_dtype": "FP8", "calib_size": 64}),
        (EIGHT | {"QUANTIZATION": "int8_sq"}, {"quantization": "W8A8_SQ_PER_CHANNEL", "kv_cache_dtype": "none"}),
        ({"CHAT_QUANTIZATION": "none"}, {"quantization": "none", "calib_dataset": "none", "awq_block_size": "none"}),
        (FOUR | {"CHAT_TENSOR_PARALLEL": "2", "TRT_DTYPE": "bfloat16"}, {"tp_size": 2, "dtype": "bfloat16"}),
    ],
)
def test_metadata_says_what_was_done(
    bench: Bench, decided: Decide, model: Path, given: dict[str, str], expected: dict[str, Any]
) -> None:
    place, built = bench.both(decided(model, **given, **SIZE))
    told = loaded(built / "build_metadata.json")
    assert told | expected == told
    assert list(told) == list(ENGINE_FIELDS)
    assert list(loaded(place / "checkpoint_metadata.json")) == list(CHECKPOINT_FIELDS)
    shared = set(CHECKPOINT_FIELDS) & set(ENGINE_FIELDS) - {"seconds", "built_at"}
    assert {name: told[name] for name in shared} | loaded(place / "checkpoint_metadata.json") == loaded(
        place / "checkpoint_metadata.json"
    )


def test_an_engine_says_where_it_runs_and_how_it_was_built(bench: Bench, decided: Decide, model: Path) -> None:
    place, built = bench.both(decided(model, **FOUR, **SIZE))
    told = loaded(built / "build_metadata.json")
    assert told["model_id"] == "my-model"
    assert (told["engine_label"], told["sm_arch"], told["cuda_toolkit"]) == (LABEL, "sm90", "13.1")
    assert (told["gpu_name"], told["gpu_vram_gb"], told["nvidia_driver"]) == (
        "NVIDIA H100 80GB HBM3",
        79.6,
        "590.44.01",
    )
    assert (told["tensorrt_version"], told["modelopt_version"]) == ("10.14.1.48", "0.37.0")
    assert (told["max_batch_size"], told["max_input_len"], told["max_output_len"]) == (32, 5025, 150)
    command = (built / "build_command.txt").read_text()
    assert f"--checkpoint_dir {place} --output_dir {built} --max_batch_size 32" in command
    calls = loaded(place / "calls.json")
    assert (calls["model_dir"], calls["output_dir"]) == (str(model), str(place))


def test_a_checkpoint_that_was_made_elsewhere_is_built_from_and_said_to_be(
    bench: Bench, decided: Decide, home: Path, tmp_path: Path
) -> None:
    named = write_checkpoint(tmp_path / "named")
    (step,) = decided(**SIZE, TRT_CHECKPOINT_DIR=str(named)).steps
    told = bench.make(step, home / "engine")
    assert (told["quantization"], told["awq_block_size"]) == ("W4A16_AWQ", 128)
    assert {told[name] for name in ("quant_method", "calib_size", "modelopt_version", "checkpoint_key")} == {
        "made elsewhere"
    }


def test_what_cannot_be_identified_is_told_before_anything_is_built(
    bench: Bench, decided: Decide, home: Path, tmp_path: Path
) -> None:
    named = write_checkpoint(tmp_path / "named", dtype=None)
    (step,) = decided(**SIZE, TRT_CHECKPOINT_DIR=str(named)).steps
    with pytest.raises(Refusal, match=r"build_metadata.json: dtype cannot be determined"):
        bench.make(step, home / "engine")
    assert not any((home / "engine").iterdir())


def test_a_driver_without_a_number_is_told_before_anything_is_quantised(
    decided: Decide, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = machine(tmp_path / "machine", smi="0, GPU-aa, NVIDIA H100, 9.0, 81559, 81000, Disabled, ")
    monkeypatch.syspath_prepend(tmp_path / "machine" / "site")
    step = decided(**FOUR, **SIZE).steps[0]
    with pytest.raises(Refusal, match=r"checkpoint_metadata.json: nvidia_driver cannot be determined"):
        checkpoint.make({**step.job, "output": str(tmp_path / "made")}, environ)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("behaviour", "why"),
    [
        (
            {"fails": "Unsupported model"},
            r"could not make int4_awq \(NotImplementedError\); not every",
        ),
        ({"algorithm": "FP8"}, "says quant_algo FP8, int4_awq is W4A16_AWQ"),
        ({"algorithm": None}, "says quant_algo None, int4_awq is W4A16_AWQ"),
        ({"without": "rank0.safetensors"}, "is incomplete: rank0.safetensors missing"),
        ({"without": "config.json"}, "is no checkpoint: config.json cannot be read"),
    ],
)
def test_a_checkpoint_that_is_not_whole_or_not_as_asked_fails(
    bench: Bench, decided: Decide, tmp_path: Path, behaviour: dict[str, Any], why: str
) -> None:
    model = write_model(tmp_path / "behaves", behaviour)
    with pytest.raises(Refusal, match=why):
        bench.make(decided(model, **FOUR, **SIZE).steps[0], tmp_path / "checkpoint")


def test_the_quantisers_own_words_are_kept(
    bench: Bench, decided: Decide, home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    model = write_model(tmp_path / "behaves", {"fails": "SmoothQuant is not supported for Mixtral"})
    with pytest.raises(Refusal):
        bench.make(decided(model, **FOUR, **SIZE).steps[0], home / "checkpoint")
    assert "NotImplementedError: SmoothQuant is not supported for Mixtral" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("builder", "why"),
    [
        ({"fails": "out of memory"}, "trtllm-build ended with 3"),
        ({"built": {"max_batch_size": 16}}, "max_batch_size is 16, asked for was 32"),
        ({"built": {"max_seq_len": 5000}}, "max_seq_len is 5000, asked for was 5175"),
        ({"built": {"kv_cache_type": "CONTINUOUS"}}, "reuse of prompts is False"),
        ({"without": "rank0.engine"}, "left no engine: .*rank0.engine missing"),
        ({"without": "config.json"}, "left no engine: .*has no config.json"),
    ],
)
def test_an_engine_that_is_not_whole_or_not_as_asked_fails(
    bench: Bench, decided: Decide, tmp_path: Path, builder: dict[str, Any], why: str
) -> None:
    model = write_model(tmp_path / "behaves", {"builder": builder})
    with pytest.raises(Refusal, match=why):
        bench.both(decided(model, **FOUR, **SIZE))


@pytest.mark.parametrize("name", ENGINE_FIELDS)
@pytest.mark.parametrize("nothing", [None, ""])
def test_a_field_that_is_not_known_fails_the_build(tmp_path: Path, name: str, nothing: str | None) -> None:
    found = dict.fromkeys(ENGINE_FIELDS, "x") | {name: nothing}
    with pytest.raises(Refusal, match=f"build_metadata.json: {name} cannot be determined"):
        write(tmp_path / "build_metadata.json", found, ENGINE_FIELDS)
    assert not (tmp_path / "build_metadata.json").exists()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (
            {"smi": "0, GPU-aa, NVIDIA A100, 8.0, 81559, 81000, Disabled, 590.44.01"},
            "for sm90, the GPU here is sm80",
        ),
        ({"nvcc": "release 13.0, V13.0.1"}, r"cuda is 13.0, planned was 13.1"),
        ({"tensorrt_llm": "1.2.0"}, r"tensorrt_llm is 1.2.0, planned was 1.2.1"),
        ({"smi": ""}, "no NVIDIA GPU here .*which building an engine needs"),
    ],
)
def test_a_machine_that_is_not_the_planned_one_fails(
    decided: Decide, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, str], why: str
) -> None:
    environ = machine(tmp_path / "machine", **changes)
    monkeypatch.syspath_prepend(tmp_path / "machine" / "site")
    step = decided(**FOUR, **SIZE).steps[1]
    with pytest.raises(Refusal, match=why):
        engine.make({**step.job, "output": str(tmp_path)}, environ)


def test_the_script_of_a_source_tree_takes_the_functions_place(
    bench: Bench, decided: Decide, home: Path, tmp_path: Path
) -> None:
    script = tmp_path / "tree" / "examples" / "quantization" / "quantize.py"
    script.parent.mkdir(parents=True)
    # Takes every flag, and makes what the function would.
    script.write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(library.STANDIN)!r})\n"
        "from tensorrt_llm.quantization import quantize_and_export\n"
        "given = {k[2:]: v for k, v in zip(sys.argv[1::2], sys.argv[2::2], strict=True)}\n"
        "whole = ('tp_size', 'pp_size', 'awq_block_size')\n"
        "given |= {k: int(given[k]) for k in whole} | {'kv_cache_dtype': given.get('kv_cache_dtype')}\n"
        "quantize_and_export(**given)\n"
    )
    step = decided(**FOUR, **SIZE, TRT_REPO_DIR=str(tmp_path / "tree")).steps[0]
    assert bench.make(step, home / "checkpoint")["quantization"] == "W4A16_AWQ"
    script.write_text("raise SystemExit(5)\n")
    step = decided(**FOUR, **SIZE, TRT_REPO_DIR=str(tmp_path / "tree")).steps[0]
    with pytest.raises(Refusal, match=r"quantize.py ended with 5; not every architecture"):
        bench.make(step, home / "other")


def test_the_builder_beside_the_interpreter_comes_first(
    bench: Bench, decided: Decide, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = tmp_path / "venv" / "trtllm-build"
    beside.parent.mkdir()
    beside.write_text("#!/bin/sh\nexit 42\n")
    beside.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(beside.with_name("python")))
    (step,) = decided(**SIZE, TRT_CHECKPOINT_DIR=str(write_checkpoint(tmp_path / "named"))).steps
    with pytest.raises(Refusal, match="trtllm-build ended with 42"):
        bench.make(step, home / "engine")
