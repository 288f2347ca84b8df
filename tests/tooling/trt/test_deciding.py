"""What is decided: what is built from what, and every complaint."""

import json
import sys
from pathlib import Path

import pytest
from attrs import evolve

from tests.engines.trt.conftest import write_engine
from tests.tooling.trt.conftest import EIGHT, FOUR, SIZE, Decide, make, names
from tests.tooling.trt.machine import H100, LABEL, ROOT, write_checkpoint, write_model
from tooling.gpus import Holder
from tooling.refusal import Refusal
from tooling.trt import Purpose, Versions
from tooling.trt.demands import NO_GPU

ENVIRON = {
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "TRTLLM_NO_USAGE_STATS": "1",
    "CUDA_MODULE_LOADING": "LAZY",
    "TLLM_LOG_LEVEL": "WARNING",
    "PYTHONPATH": str(ROOT),
    "PYTHONUNBUFFERED": "1",
}


def test_a_float_model_is_quantised_and_built(decided: Decide, model: Path, home: Path) -> None:
    decision = decided(**FOUR, **SIZE)
    checkpoint, engine = decision.steps
    assert (checkpoint.name, engine.name) == ("checkpoint", "engine")
    assert checkpoint.job["source"] == {"name": str(model), "revision": None, "directory": str(model), "folder": ""}
    assert checkpoint.job["numbers"]["qformat"] == "int4_awq"  # type: ignore[index]
    assert checkpoint.secrets == ("HF_TOKEN",)
    assert engine.secrets == ()
    assert engine.job["source"]["directory"] == str(checkpoint.makes(home))  # type: ignore[index]
    assert engine.job["checkpoint_key"] == checkpoint.entry.key  # type: ignore[union-attr]
    assert decision.engine_dir is not None
    assert decision.engine_dir == engine.makes(home)
    assert decision.engine_dir.parent == home / "trt" / "engines"
    assert decision.environ() == {"TRT_ENGINE_DIR": str(decision.engine_dir)}
    assert decision.label == LABEL
    assert checkpoint.program == (sys.executable, "-m", "tooling.trt.worker", "checkpoint")
    assert engine.program == (sys.executable, "-m", "tooling.trt.worker", "engine")
    assert engine.environ == checkpoint.environ == ENVIRON
    assert all(step.needs_gpu and not step.anew and step.disk_bytes for step in decision.steps)


def test_a_checkpoint_that_is_there_is_not_made_again(decided: Decide, home: Path) -> None:
    make(decided(purpose=Purpose.QUANTISE, **FOUR), home)
    assert names(decided(**FOUR, **SIZE)) == ["engine"]
    again = decided(purpose=Purpose.QUANTISE, **FOUR)
    assert again.steps == ()
    assert "there already" in again.notes[0]


def test_what_is_forced_is_made_anew_and_nothing_else_is_looked_for(decided: Decide, home: Path) -> None:
    make(decided(**FOUR, **SIZE), home)
    forced = decided(**FOUR, **SIZE, FORCE_REBUILD="1")
    assert names(forced) == ["checkpoint", "engine"]
    assert all(step.anew for step in forced.steps)


def test_a_named_engine_is_taken_without_a_look(decided: Decide, tmp_path: Path) -> None:
    decision = decided(purpose=Purpose.SERVE, **FOUR, TRT_ENGINE_DIR=str(tmp_path), versions=Versions())
    assert (decision.steps, decision.engine_dir) == ((), tmp_path)


def test_who_wants_to_build_is_told_of_an_engine_that_is_named(decided: Decide, tmp_path: Path) -> None:
    named = write_engine(tmp_path / "engine")
    assert "unset it to build one" in decided(TRT_ENGINE_DIR=str(named)).notes[0]
    with pytest.raises(Refusal, match=r"was built for sm90, this GPU is sm89: build one here .*TRT_ENGINE_DIR unset"):
        decided(TRT_ENGINE_DIR=str(named), gpus=(evolve(H100, sm="sm89"),))
    (named / "rank0.engine").unlink()
    with pytest.raises(Refusal, match="is incomplete"):
        decided(TRT_ENGINE_DIR=str(named))


def test_nobody_serves_on_an_architecture_that_is_not_there(decided: Decide) -> None:
    gpus = (evolve(H100, sm="sm80", own_sm="sm90"),)
    with pytest.raises(Refusal, match="GPU_SM_ARCH is sm80 and the GPU here is sm90: to serve"):
        decided(purpose=Purpose.SERVE, sm="sm80", gpus=gpus)


def test_a_named_checkpoint_is_built_from(decided: Decide, tmp_path: Path) -> None:
    named = write_checkpoint(tmp_path / "named", tp_size=2)
    (engine,) = decided(**SIZE, TRT_CHECKPOINT_DIR=str(named)).steps
    assert engine.job["source"]["directory"] == str(named)  # type: ignore[index]
    assert engine.job["sizes"]["tp_size"] == 2  # type: ignore[index]
    assert engine.job["workers"] == 2
    (named / "rank1.safetensors").unlink()
    with pytest.raises(Refusal, match=r"incomplete: rank1.safetensors missing"):
        decided(**SIZE, TRT_CHECKPOINT_DIR=str(named))
    with pytest.raises(Refusal, match="is no TensorRT-LLM checkpoint"):
        decided(**SIZE, TRT_CHECKPOINT_DIR=str(tmp_path))


@pytest.mark.parametrize("word", ["auto", "none"])
def test_what_can_be_served_as_it_is_builds_nothing_to_serve(decided: Decide, home: Path, word: str) -> None:
    given = {"CHAT_QUANTIZATION": word}
    served = decided(purpose=Purpose.SERVE, **given)
    assert (served.steps, served.environ()) == ((), {})
    assert "PyTorch" in served.notes[-1]
    built = decided(**given, **SIZE)
    assert built.steps[0].job["numbers"]["qformat"] == "full_prec"  # type: ignore[index]
    make(built, home)
    assert decided(purpose=Purpose.SERVE, **given).engine_dir == built.engine_dir


def test_a_model_of_another_quantisation_is_served_as_it_is_or_refused(decided: Decide, tmp_path: Path) -> None:
    awq = write_model(tmp_path / "model-awq", quantization_config={"quant_method": "awq"})
    served = decided(awq, purpose=Purpose.SERVE, **FOUR)
    assert (served.steps, served.environ()) == ((), {})
    assert "already 4-bit (AWQ), used as it is" in served.notes[0]
    with pytest.raises(Refusal, match=r"quantised already \(awq\).*name the float model"):
        decided(awq, **FOUR, **SIZE)


@pytest.mark.parametrize(
    ("sm", "qformat"), [("sm80", "int8_sq"), ("sm86", "int8_sq"), ("sm89", "fp8"), ("sm90", "fp8")]
)
def test_eight_bits_are_what_the_gpu_has(decided: Decide, sm: str, qformat: str) -> None:
    given = {"sm": sm, "gpus": (evolve(H100, sm=sm),)}
    numbers = decided(**EIGHT, **SIZE, **given).steps[0].job["numbers"]
    assert numbers["qformat"] == qformat  # type: ignore[index]
    told = decided(**EIGHT, **SIZE, QUANTIZATION="int8_sq", **given).steps[0].job["numbers"]
    assert told["qformat"] == "int8_sq"  # type: ignore[index]


def test_a_machine_of_nothing_is_told_of_everything(decided: Decide) -> None:
    with pytest.raises(Refusal) as told:
        decided(**FOUR, gpus=(), sm=None, versions=Versions(), TRT_MAX_INPUT_LEN="100")
    said = str(told.value).splitlines()
    assert told.value.exit_code == 3
    assert [line.split(" ")[0] for line in said] == [
        "TensorRT-LLM",
        "TRT_MAX_BATCH_SIZE",
        "TRT_MAX_INPUT_LEN",
        "TRT_MAX_INPUT_LEN",
        "checkpoints",
    ]
    assert "not MAX_CONCURRENT_CONNECTIONS" in said[1]
    assert "7-8B 32-64, 13B 16-32, 70B 8-16" in said[1]
    assert said[-1] == NO_GPU


def test_a_plan_needs_no_gpu_and_no_library(decided: Decide) -> None:
    decision = decided(**FOUR, **SIZE, gpus=(), sm=None, versions=Versions(), planning=True)
    assert names(decision) == ["checkpoint", "engine"]
    assert "planned for sm90" in decision.notes[0]
    assert "TensorRT-LLM is not installed" in decision.notes[1]


def test_a_plan_without_a_size_says_that_it_is_demanded_and_no_engine(decided: Decide) -> None:
    plan = decided(**FOUR, planning=True)
    assert [step.name for step in plan.steps] == ["checkpoint"]
    assert (plan.engine_dir, plan.label) == (None, "")
    assert [line for line in plan.refused if line.startswith("TRT_MAX_BATCH_SIZE is not set")]


@pytest.mark.parametrize("version", ["1.3.0", "1.3.0rc24", "1.10.0", "2.0.0"])
@pytest.mark.parametrize("planning", [False, True])
def test_a_library_without_engines_is_refused_with_the_reason(decided: Decide, version: str, planning: bool) -> None:
    versions = Versions(tensorrt_llm=version, tensorrt="10", modelopt="1", cuda="13.1")
    with pytest.raises(Refusal, match=rf"TensorRT-LLM {version} cannot build or run .* ended with 1.2"):
        decided(**FOUR, **SIZE, versions=versions, planning=planning)


@pytest.mark.parametrize(
    "versions",
    [Versions(tensorrt_llm="1.3.0"), Versions(tensorrt_llm="1.2.1"), Versions()],
    ids=["1.3", "1.2.1", "none"],
)
def test_what_is_served_as_it_is_needs_no_version_that_can_build(decided: Decide, versions: Versions) -> None:
    served = decided(purpose=Purpose.SERVE, versions=versions)
    assert (served.steps, served.engine) == ((), None)
    with pytest.raises(Refusal, match=r"TensorRT-LLM|version of"):
        decided(purpose=Purpose.SERVE, versions=versions, **FOUR, **SIZE)


def test_an_engine_that_nobody_could_identify_is_not_begun(decided: Decide) -> None:
    with pytest.raises(Refusal, match=r"the version of tensorrt, cuda cannot be told"):
        decided(**FOUR, **SIZE, versions=Versions(tensorrt_llm="1.2.1", modelopt="0.37"))


def test_another_architecture_is_for_checkpoints_only(decided: Decide) -> None:
    given = {"sm": "sm80", "gpus": (evolve(H100, sm="sm80", own_sm="sm90"),)}
    assert names(decided(purpose=Purpose.QUANTISE, **EIGHT, **given)) == ["checkpoint"]
    with pytest.raises(Refusal, match="GPU_SM_ARCH is sm80 and the GPU here is sm90"):
        decided(**EIGHT, **SIZE, **given)


def test_code_that_comes_with_a_model_is_run_only_if_allowed(decided: Decide, tmp_path: Path) -> None:
    coded = write_model(tmp_path / "coded", auto_map={"AutoModel": "modeling.Mine"})
    with pytest.raises(Refusal, match="comes with code of its own"):
        decided(coded, **FOUR, **SIZE)
    assert names(decided(coded, **FOUR, **SIZE, CHAT_TRUST_REMOTE_CODE="1")) == ["checkpoint", "engine"]


def test_calibration_data_of_this_machine_counts_by_its_contents(decided: Decide, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    keys = []
    for text in ("one", "two"):
        (data / "train.jsonl").write_text(text)
        (step,) = decided(purpose=Purpose.QUANTISE, **FOUR, TRT_CALIB_DATASET=str(data)).steps
        assert step.entry is not None
        keys.append(step.entry.key)
    assert keys[0] != keys[1]
    with pytest.raises(Refusal, match="is no directory here"):
        decided(**FOUR, **SIZE, TRT_CALIB_DATASET=str(tmp_path / "gone"))


@pytest.mark.parametrize(
    ("word", "algorithm", "said"),
    [
        ("none", "W4A16_AWQ", "is none, but TRT_CHECKPOINT_DIR=.* is quantised"),
        ("4bit", None, "is 4bit, and the checkpoint TRT_CHECKPOINT_DIR=.* is not quantised"),
        ("gptq", "FP8", "is gptq, but TRT_CHECKPOINT_DIR=.* is fp8"),
    ],
)
def test_a_checkpoint_of_another_format_is_refused_before_it_is_built_from(
    decided: Decide, tmp_path: Path, word: str, algorithm: str | None, said: str
) -> None:
    given = {
        "CHAT_QUANTIZATION": word,
        "TRT_CHECKPOINT_DIR": str(write_checkpoint(tmp_path / "c", algorithm=algorithm)),
    }
    with pytest.raises(Refusal, match=said):
        decided(**given, **SIZE)


def test_a_checkpoint_that_has_the_other_bits_is_told(decided: Decide, tmp_path: Path) -> None:
    named = str(write_checkpoint(tmp_path / "named", algorithm="FP8"))
    assert "4bit was asked for" in decided(**FOUR, **SIZE, TRT_CHECKPOINT_DIR=named).notes[0]


def test_a_server_of_ours_on_the_gpu_is_told(decided: Decide) -> None:
    holders = (Holder(41, "other", 3.0), Holder(42, "python", 70.0, is_ours=True))
    told = decided(**FOUR, **SIZE, gpus=(evolve(H100, free_gib=7.0, holders=holders),)).notes
    assert told == (
        "GPU 0 has 7 of 80 GiB free, a server of ours (process 42) is on it: if memory runs out, just stop, and make "
        "this first",
    )


def test_a_source_tree_must_have_its_script(decided: Decide, tmp_path: Path) -> None:
    script = tmp_path / "examples" / "quantization" / "quantize.py"
    with pytest.raises(Refusal, match=r"TRT_REPO_DIR=.* has no examples/quantization/quantize.py"):
        decided(**FOUR, **SIZE, TRT_REPO_DIR=str(tmp_path))
    script.parent.mkdir(parents=True)
    script.write_text("one")
    first = decided(**FOUR, **SIZE, TRT_REPO_DIR=str(tmp_path)).steps[0]
    script.write_text("two")
    assert decided(**FOUR, **SIZE, TRT_REPO_DIR=str(tmp_path)).steps[0].entry != first.entry
    assert first.job["tree"] == str(tmp_path)


def test_a_compiled_engine_is_no_model(decided: Decide, tmp_path: Path) -> None:
    engine = tmp_path / "engine"
    write_model(engine)
    (engine / "config.json").write_text(json.dumps({"build_config": {}, "pretrained_config": {}}))
    (engine / "rank0.engine").write_bytes(b"")
    with pytest.raises(Refusal, match="is a compiled engine: name its directory in TRT_ENGINE_DIR"):
        decided(engine, **FOUR, **SIZE)
