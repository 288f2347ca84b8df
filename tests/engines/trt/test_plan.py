"""What is served, from settings and files; and every reason why not, said with what to change."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from engines.errors import EngineStartFailed, EngineUnfit
from engines.quantised import Format
from engines.trt import TrtConfig
from engines.trt.directory import Kind, kind_of, normal_arch, read_engine
from engines.trt.plan import DEFAULT_BATCH, Backend, check_machine, make_plan
from tests.engines.trt.conftest import BATCH, write_engine

CONFIG = TrtConfig(model="org/name", max_model_len=512, max_output_len=64)


def _with_engine(directory: Path, **values: Any) -> TrtConfig:
    return evolve(CONFIG, engine_dir=directory, **values)


def test_a_compiled_engine_is_served_by_the_engine_backend_with_its_own_limits(engine_dir: Path) -> None:
    plan = make_plan(_with_engine(engine_dir))
    assert (plan.backend, plan.model, plan.batch_size) == (Backend.ENGINE, str(engine_dir), BATCH)
    assert plan.max_num_tokens == 8192
    assert "compiled engine" in plan.reason


def test_without_an_engine_the_checkpoint_is_served_by_pytorch(model: Path) -> None:
    for name in (str(model), "org/name"):
        plan = make_plan(evolve(CONFIG, model=name))
        assert (plan.backend, plan.model, plan.batch_size) == (Backend.PYTORCH, name, DEFAULT_BATCH)
    assert make_plan(evolve(CONFIG, max_model_len=20000)).max_num_tokens == 20000


def test_the_batch_size_may_be_lower_than_the_engines(engine_dir: Path) -> None:
    assert make_plan(_with_engine(engine_dir, batch_size=BATCH - 1)).batch_size == BATCH - 1


def test_the_metadata_knows_the_batch_size_better_than_the_build(tmp_path: Path) -> None:
    directory = write_engine(tmp_path / "e", metadata={"max_batch_size": 2})
    assert make_plan(_with_engine(directory)).batch_size == 2
    silent = write_engine(tmp_path / "f", metadata={"max_batch_size": None})
    assert make_plan(_with_engine(silent)).batch_size == BATCH


Break = Callable[[Path], object]


def _edit(name: str, change: Callable[[dict[str, Any]], object]) -> Break:
    def edit(directory: Path) -> None:
        found = json.loads((directory / name).read_text())
        change(found)
        (directory / name).write_text(json.dumps(found))

    return edit


@pytest.mark.parametrize(
    ("broken", "values", "says"),
    [
        (lambda e: (e / "rank0.engine").unlink(), {}, "incomplete: rank0.engine missing"),
        (lambda e: (e / "config.json").unlink(), {}, "no config.json"),
        (lambda e: (e / "config.json").write_text("{"), {}, "cannot be read"),
        (lambda e: (e / "config.json").write_text("[]"), {}, "no JSON object"),
        (_edit("config.json", lambda c: c.pop("build_config")), {}, "no build_config"),
        (_edit("config.json", lambda c: c["build_config"].pop("max_seq_len")), {}, "max_seq_len None"),
        (
            _edit("config.json", lambda c: c["pretrained_config"]["mapping"].update(world_size=3, tp_size=3)),
            {},
            "rank1.engine, rank2.engine missing",
        ),
        (
            _edit("config.json", lambda c: c["build_config"]["plugin_config"].update(use_paged_context_fmha=False)),
            {},
            "cannot reuse prompts: build one here .just build-trt, with TRT_ENGINE_DIR",
        ),
        (_edit("config.json", lambda c: c["build_config"].update(kv_cache_type="CONTINUOUS")), {}, "paged KV cache"),
        (_edit("build_metadata.json", lambda m: m.pop("sm_arch")), {}, "does not say"),
        (lambda e: (e / "build_metadata.json").unlink(), {}, "no build_metadata.json"),
        (
            None,
            {"batch_size": BATCH + 1},
            "TRT_BATCH_SIZE is 5, .* was built for 4 .*not MAX_CONCURRENT_CONNECTIONS.* TRT_MAX_BATCH_SIZE=5",
        ),
        (None, {"max_output_len": 32}, "takes prompts of 448 tokens, .* is 480"),
        (None, {"max_model_len": 513, "max_output_len": 65}, "holds 512 tokens .* CHAT_MAX_LEN is 513"),
        (None, {"tensor_parallel": 2}, "CHAT_TENSOR_PARALLEL is 2, .* built for 1"),
        (None, {"pipeline_parallel": 2}, "CHAT_PIPELINE_PARALLEL is 2"),
        (None, {"data_parallel": 2}, "CHAT_DATA_PARALLEL to 1"),
    ],
)
def test_what_cannot_be_served_is_refused_with_what_to_change(
    engine_dir: Path, broken: Break | None, values: dict[str, Any], says: str
) -> None:
    if broken is not None:
        broken(engine_dir)
    with pytest.raises(EngineStartFailed, match=says):
        make_plan(_with_engine(engine_dir, **values))


def test_an_engine_named_by_hand_may_lack_its_metadata(tmp_path: Path) -> None:
    directory = write_engine(tmp_path / "e", metadata={})
    plan = make_plan(_with_engine(directory, engine_is_named=True))
    assert plan.missing_metadata
    assert plan.compiled is not None
    check_machine(plan.compiled, version="1.2.1", gpu_arch=None)


@pytest.mark.parametrize(
    ("version", "arch", "says"),
    [
        ("1.2.0", "sm90", r"built by TensorRT-LLM 1\.2\.1, installed is 1\.2\.0"),
        ("1.2.1", "sm89", "built for sm90, this GPU is sm89"),
        ("1.2.1", None, "no GPU is visible; .* needs one of sm90"),
    ],
)
def test_an_engine_of_another_machine_is_refused_with_both_values(
    engine_dir: Path, version: str, arch: str | None, says: str
) -> None:
    with pytest.raises(EngineUnfit, match=says):
        check_machine(read_engine(engine_dir), version=version, gpu_arch=arch)


def test_an_engine_without_metadata_still_knows_its_library_version(tmp_path: Path) -> None:
    directory = write_engine(tmp_path / "e", metadata={})
    with pytest.raises(EngineStartFailed, match=r"1\.2\.1, installed is 1\.3\.0"):
        check_machine(read_engine(directory), version="1.3.0", gpu_arch="sm90")


def test_a_model_that_is_really_an_engine_or_a_quantised_checkpoint_is_refused(
    engine_dir: Path, tmp_path: Path
) -> None:
    with pytest.raises(EngineStartFailed, match="TRT_ENGINE_DIR"):
        make_plan(evolve(CONFIG, model=str(engine_dir)))
    (tmp_path / "config.json").write_text('{"architecture": "LlamaForCausalLM"}')
    (tmp_path / "rank0.safetensors").write_bytes(b"")
    with pytest.raises(EngineStartFailed, match="just build-trt"):
        make_plan(evolve(CONFIG, model=str(tmp_path)))
    (tmp_path / "empty").mkdir()
    with pytest.raises(EngineStartFailed, match=r"no config\.json in it"):
        make_plan(evolve(CONFIG, model=str(tmp_path / "empty")))
    with pytest.raises(EngineStartFailed, match="no engine directory"):
        make_plan(_with_engine(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("asked", "made", "said"),
    [
        ("none", Format.AWQ, r"CHAT_QUANTIZATION is none, but org/name is quantised \(awq\)"),
        ("gptq", Format.AWQ, "CHAT_QUANTIZATION is gptq, but org/name is awq"),
        ("gptq_marlin", None, "CHAT_QUANTIZATION is gptq_marlin, but org/name is not quantised"),
        ("4bit", None, "quantises only while it builds"),
        ("int8_sq", None, "quantises only while it builds"),
    ],
)
def test_a_format_that_the_checkpoint_has_not_is_refused(asked: str, made: Format | None, said: str) -> None:
    with pytest.raises(EngineStartFailed, match=said):
        make_plan(evolve(CONFIG, quantization=asked, checkpoint=made))


@pytest.mark.parametrize(
    ("asked", "algorithm", "said"),
    [
        ("none", "FP8", r"is none, but engine .* is quantised \(fp8\)"),
        ("none", "W4A16_AWQ", r"is quantised \(awq\)"),
        ("fp8", None, "is not quantised"),
        ("gptq", "W8A8_SQ_PER_CHANNEL", "is int8"),
    ],
)
def test_a_format_that_the_engine_has_not_is_refused(
    engine_dir: Path, asked: str, algorithm: str | None, said: str
) -> None:
    write_algorithm(engine_dir, algorithm)
    with pytest.raises(EngineStartFailed, match=said):
        make_plan(evolve(_with_engine(engine_dir), quantization=asked))


@pytest.mark.parametrize(
    ("asked", "algorithm", "told"),
    [
        ("auto", "FP8", False),
        ("none", None, False),
        ("8bit", "FP8", False),
        ("8bit", "W8A8_SQ_PER_CHANNEL_PER_TOKEN_PLUGIN", False),
        ("int8_sq", "W8A8_SQ_PER_CHANNEL", False),
        ("4bit", "W4A16_AWQ", False),
        ("gptq", "W4A16_GPTQ", False),
        ("int8_sq", "FP8", True),
        ("4bit", "FP8", True),
    ],
)
def test_an_engine_is_served_as_it_is_and_another_wish_is_told(
    engine_dir: Path, asked: str, algorithm: str | None, told: bool
) -> None:
    write_algorithm(engine_dir, algorithm)
    assert (make_plan(evolve(_with_engine(engine_dir), quantization=asked)).remark is not None) is told


def write_algorithm(engine_dir: Path, algorithm: str | None) -> None:
    """Let an engine say how its weights are quantised."""
    file = engine_dir / "config.json"
    config = json.loads(file.read_text())
    config["pretrained_config"]["quantization"] = {"quant_algo": algorithm}
    file.write_text(json.dumps(config))


def test_what_a_directory_holds_is_read_from_its_files(model: Path, engine_dir: Path, tmp_path: Path) -> None:
    assert kind_of(model) is Kind.HUGGING_FACE
    assert kind_of(engine_dir) is Kind.ENGINE
    assert kind_of(tmp_path / "nowhere") is Kind.UNKNOWN


@pytest.mark.parametrize("spelled", ["sm90", "SM_90", "90", 90, "9.0", 9.0])
def test_an_architecture_has_one_spelling(spelled: str | float) -> None:
    assert normal_arch(spelled) == "sm90"
