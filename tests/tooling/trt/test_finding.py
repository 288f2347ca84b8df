"""Where an engine is found that need not be built."""

from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from tests.tooling.trt.conftest import FOUR, SIZE, TOLD, Decide, make, names, push_engine
from tests.tooling.trt.machine import LABEL, write_checkpoint, write_model
from tooling.models import Model, read_directory
from tooling.refusal import Refusal
from tooling.trt import Purpose


def pushed(name: str, *paths: str, **config: Any) -> Model:
    """A pre-quantised repository on the Hub."""
    folder = "trt-llm/checkpoints"
    checkpoint = {"architecture": "LlamaForCausalLM", "quantization": {"quant_algo": "W4A16_AWQ"}} | config
    files = {"config.json": {"model_type": "llama"}, f"{folder}/config.json": checkpoint}
    listing = ("config.json", f"{folder}/config.json", f"{folder}/rank0.safetensors", *paths)
    return Model(name=name, revision="c0ffee", files=files, listing=tuple((path, 1000) for path in listing))


def test_what_lies_below_a_directory_is_in_the_key_of_its_engine(decided: Decide, tmp_path: Path) -> None:
    place = write_model(tmp_path / "model-trt-awq")
    keys = set()
    for size in (64, 128):
        said = {"quant_algo": "W4A16_AWQ", "group_size": size}
        write_checkpoint(place / "trt-llm" / "checkpoints", quantization=said)
        (step,) = decided(place, **FOUR, **SIZE).steps
        assert step.entry is not None
        keys.add(step.entry.key)
    assert len(keys) == 2


def with_engine(model: Model, label: str = LABEL, **told: Any) -> Model:
    folder = f"trt-llm/engines/{label}"
    return evolve(
        model,
        files={**model.files, f"{folder}/build_metadata.json": TOLD | told},
        listing=(*model.listing, (f"{folder}/rank0.engine", 500), (f"{folder}/build_metadata.json", 5)),
    )


def test_an_engine_of_the_cache_needs_no_size_and_no_gpu(decided: Decide, home: Path) -> None:
    built = decided(**FOUR, **SIZE)
    make(built, home)
    for given in ({}, SIZE, {"gpus": ()}):
        found = decided(purpose=Purpose.SERVE, **FOUR, **given)
        assert (found.steps, found.engine_dir) == ((), built.engine_dir)


def test_of_several_engines_the_one_that_fits_is_taken(decided: Decide, home: Path) -> None:
    places = {}
    for size in ("8", "16", "64"):
        built = decided(**FOUR, TRT_MAX_BATCH_SIZE=size)
        make(built, home)
        places[size] = built.engine_dir
    assert decided(**FOUR).engine_dir == places["64"]
    assert decided(**FOUR, TRT_BATCH_SIZE="9").engine_dir == places["16"]
    assert decided(**FOUR, TRT_MAX_BATCH_SIZE="8").engine_dir == places["8"]
    with pytest.raises(Refusal, match=r"is 65, .* built for 64 at most.* not MAX_CONC.*TRT_MAX_BATCH_SIZE=65"):
        decided(**FOUR, TRT_BATCH_SIZE="65")
    assert names(decided(**FOUR, TRT_MAX_BATCH_SIZE="65", TRT_BATCH_SIZE="65")) == ["engine"]


@pytest.mark.parametrize("damage", ["complete.json", "key.json"])
def test_a_damaged_engine_of_the_cache_is_none(decided: Decide, home: Path, damage: str) -> None:
    built = decided(**FOUR, **SIZE)
    make(built, home)
    assert built.engine_dir is not None
    (built.engine_dir / damage).write_text("[")
    assert names(decided(**FOUR, **SIZE)) == ["engine"]


def test_a_repository_with_a_checkpoint_is_fetched_and_built_from(decided: Decide, home: Path) -> None:
    decision = decided(pushed("org/model-trt-awq"), **FOUR, **SIZE)
    (need,) = decision.needs
    assert (need.model.name, need.parts, names(decision)) == ("org/model-trt-awq", ("trt-llm/checkpoints",), ["engine"])
    (engine,) = decision.located({"org/model-trt-awq": Path("/hub/snapshot")}).steps
    assert engine.job["source"]["directory"] == "/hub/snapshot/trt-llm/checkpoints"  # type: ignore[index]
    assert engine.entry == decision.steps[0].entry
    with pytest.raises(Refusal, match="TRT_MAX_BATCH_SIZE"):
        decided(pushed("org/model-trt-awq"), purpose=Purpose.SERVE)


def test_an_engine_of_the_repository_is_fetched_alone(decided: Decide) -> None:
    decision = decided(with_engine(pushed("org/model-trt-awq")), purpose=Purpose.SERVE, **FOUR)
    (need,) = decision.needs
    assert need.parts == (f"trt-llm/engines/{LABEL}",)
    assert need.model.wanted == ()
    assert (decision.steps, decision.engine_dir) == ((), None)
    located = decision.located({"org/model-trt-awq": Path("/hub/snapshot")})
    assert located.environ() == {"TRT_ENGINE_DIR": f"/hub/snapshot/trt-llm/engines/{LABEL}"}


@pytest.mark.parametrize(
    ("told", "given", "why"),
    [
        ({}, {"TRT_MAX_BATCH_SIZE": "17"}, "built for 16 at most, TRT_MAX_BATCH_SIZE is 17"),
        ({"max_seq_len": 5000}, SIZE | {"TRT_MAX_BATCH_SIZE": "16"}, "CHAT_MAX_LEN is 5025"),
        ({"max_input_len": None}, {"TRT_MAX_BATCH_SIZE": "16"}, "is missing or does not say max_batch_size"),
        ({"quantization": "none"}, {"TRT_MAX_BATCH_SIZE": "16"}, "its weights are not quantised"),
        ({"quantization": "FP8"}, {"TRT_MAX_BATCH_SIZE": "16"}, "another format"),
        ({"tp_size": 2}, {"TRT_MAX_BATCH_SIZE": "16", "CHAT_TENSOR_PARALLEL": "1"}, "built for 2 GPUs"),
    ],
)
def test_an_engine_that_does_not_fit_is_told_and_another_is_built(
    decided: Decide, told: dict[str, Any], given: dict[str, str], why: str
) -> None:
    decision = decided(with_engine(pushed("org/model-trt-awq"), **told), purpose=Purpose.SERVE, **FOUR, **given)
    assert names(decision) == ["engine"]
    assert any(why in note for note in decision.notes)


def test_other_and_unreadable_labels_are_told(decided: Decide) -> None:
    repository = with_engine(with_engine(pushed("org/model-trt-awq"), LABEL.replace("90", "80")), "my-engine")
    decision = decided(repository, **FOUR, **SIZE)
    assert "trt-llm/engines/my-engine cannot be read, it is left alone" in decision.notes[1]
    assert f"has engines for {LABEL.replace('90', '80')}, none for {LABEL}" in decision.notes[2]


@pytest.mark.parametrize(
    ("label", "why"),
    [
        ("sm90", "TRT_ENGINE_LABEL=sm90 is no label"),
        (LABEL.replace("13.1", "12.9"), "has no engine sm90_trt-llm-1.2.1_cuda12.9; there is sm80_trt"),
        (LABEL.replace("90", "80"), "cannot run here: GPU sm80 instead of sm90"),
    ],
)
def test_a_label_that_is_asked_for_must_be_there_and_run(decided: Decide, label: str, why: str) -> None:
    repository = with_engine(pushed("org/model-trt-awq"), LABEL.replace("90", "80"))
    with pytest.raises(Refusal, match=why) as told:
        decided(repository, TRT_ENGINE_LABEL=label)
    assert told.value.exit_code == 3


def test_the_engines_of_another_repository(decided: Decide, tmp_path: Path) -> None:
    repository = write_model(tmp_path / "engines")
    place = push_engine(repository)
    found = decided(purpose=Purpose.SERVE, **FOUR, repository=read_directory(repository))
    assert (found.engine_dir, found.needs) == (place, ())
    with pytest.raises(Refusal, match=r"TRT_BATCH_SIZE is 17, .* built for 16 at most"):
        decided(purpose=Purpose.SERVE, **FOUR, TRT_BATCH_SIZE="17", repository=read_directory(repository))
