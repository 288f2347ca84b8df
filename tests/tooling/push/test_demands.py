"""What is refused before anything long begins, and what `just push` makes of its words and of the cache."""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.settings import Settings
from runtime.settings.reading import read
from tests.tooling.push.artifacts import BASE, CHECKPOINT, COMMIT, ENGINE, EXPORT, checkpoint, engine, export
from tooling.models import Model
from tooling.push import Made, Order, What, order_for
from tooling.push.choosing import Asked, choose
from tooling.push.command import parse
from tooling.push.demands import TOKENS_PAGE
from tooling.refusal import NOTHING_THERE, REFUSED, USAGE, Refusal

LEAST = {"TEXT_API_KEY": "k", "MAX_CONCURRENT_CONNECTIONS": "8", "CHAT_MODEL": BASE, "INFERENCE_ENGINE": "vllm"}
MAY = {"HF_TOKEN": "hf_x", "HF_PUSH_REPO_ID": "me/pushed"}
TRT = {"INFERENCE_ENGINE": "trt"}
FLOAT = Model(name=BASE, revision=COMMIT, files={"config.json": {"model_type": "llama"}})
QUANTISED = Model(name="org/awq", revision=COMMIT, files={"config.json": {"quant_method": "awq"}})
FOR_TRT = Model(
    name="org/trt",
    revision=COMMIT,
    files={"config.json": {"architecture": "X", "quantization": {"quant_algo": "FP8"}}},
    listing=(("rank0.safetensors", 1),),
)
LOCAL = Model(name="/models/x", directory=Path("/models/x"), files=FOR_TRT.files, listing=FOR_TRT.listing)
EXPORT_PLACE, CHECKPOINT_PLACE, ENGINE_PLACE = (
    Path("/y/quant/x"),
    Path("/y/trt/checkpoints/x"),
    Path("/y/trt/engines/x"),
)


def settings(**environ: str) -> Settings:
    return Settings.from_env({**LEAST, **environ})


def complaints(what: What, model: Model | None, made: Made, **environ: str) -> list[str]:
    with pytest.raises(Refusal) as caught:
        order_for(what, model, settings(**environ), made)
    assert caught.value.exit_code == REFUSED
    return str(caught.value).splitlines()


def test_everything_that_is_missing_is_told_at_once() -> None:
    assert complaints(What.QUANT, QUANTISED, Made()) == [
        f"--push-quant needs HF_TOKEN, a token with write access ({TOKENS_PAGE}); it is not set",
        "--push-quant needs HF_PUSH_REPO_ID=owner/name, the repository to push to (made if missing); it is not set",
        "--push-quant: org/awq is quantised already (awq) and nothing is made of it here",
    ]


@pytest.mark.parametrize(
    ("what", "model", "made", "environ", "said"),
    [
        (What.QUANT, FLOAT, Made(), MAY, "nothing is made of org/base here; 4bit or 8bit says what to make"),
        (What.ENGINE, FLOAT, Made(engine=ENGINE_PLACE), MAY, "--push-engine is TensorRT-LLM's: vLLM has no engines"),
        (What.QUANT, None, Made(), MAY, "in mode tool: tool models run in float precision"),
        (What.QUANT, FLOAT, Made(export=EXPORT_PLACE), {**MAY, "HF_PUSH_REPO_ID": BASE}, "is the base model itself"),
        (
            What.QUANT,
            FOR_TRT,
            Made(engine=ENGINE_PLACE),
            {**MAY, **TRT},
            "built from it here is pushed by --push-engine",
        ),
        (What.ENGINE, FLOAT, Made(engine=ENGINE_PLACE), {**MAY, **TRT}, "--push-quant uploads checkpoint and engine"),
        (
            What.ENGINE,
            FOR_TRT,
            Made(engine_origin="org/trt"),
            {**MAY, **TRT},
            "was not built here, it comes from org/trt",
        ),
        (What.ENGINE, FOR_TRT, Made(), {**MAY, **TRT}, "no engine is built here"),
        (What.ENGINE, LOCAL, Made(engine=ENGINE_PLACE), {"HF_TOKEN": "x", **TRT}, "the repository it belongs to"),
    ],
)
def test_what_makes_no_sense_is_refused(
    what: What, model: Model | None, made: Made, environ: Mapping[str, str], said: str
) -> None:
    told = complaints(what, model, made, **environ)
    assert [line for line in told if said in line.replace("that is ", "")], told


def test_a_launchs_order_names_what_it_will_make() -> None:
    made = Made(checkpoint=CHECKPOINT_PLACE, engine=ENGINE_PLACE)
    whole = order_for(What.QUANT, FLOAT, settings(**MAY, **TRT, HF_PUSH_PRIVATE="0"), made)
    assert whole.places == (CHECKPOINT_PLACE, ENGINE_PLACE)
    assert (whole.repository, whole.private, whole.must_exist, whole.revision) == ("me/pushed", False, False, COMMIT)
    alone = order_for(What.ENGINE, FOR_TRT, settings(HF_TOKEN="x", **TRT), Made(engine=ENGINE_PLACE))
    assert (alone.repository, alone.must_exist, alone.places) == ("org/trt", True, (ENGINE_PLACE,))
    export_ = order_for(What.QUANT, FLOAT, settings(**MAY), Made(export=EXPORT_PLACE))
    assert export_.places == (EXPORT_PLACE,)
    for each in (whole, alone, export_):
        assert Order.from_json(each.as_json()) == each


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--quant", "--engine"],
        ["--quant", "--public", "--private"],
        ["--quant", "--json"],
        ["--quant", "a/b", "c/d"],
        ["--quant", "--nothing"],
        ["--quant", "--env-file"],
        ["--quant", "4bit", "8bit"],
        ["--engine", "--vllm", "--trt"],
    ],
)
def test_words_that_make_no_sense_are_a_usage_error(words: list[str]) -> None:
    with pytest.raises(Refusal) as caught:
        parse(words)
    assert caught.value.exit_code == USAGE and "just push --help" in f"{caught.value} just push --help"


@given(st.permutations(["--quant", "4bit", BASE, "--dry-run", "--private", "--vllm"]))
def test_the_order_of_words_does_not_matter(words: list[str]) -> None:
    found = parse(words)
    assert (found.what, found.word, found.model, found.engine) == (What.QUANT, "4bit", BASE, "vllm")
    assert found.dry_run and found.private


@given(
    st.lists(st.sampled_from(["--quant", "--engine", "--repo", "=", "--env-file", "-x", "a/b", "4bit", "--json", ""]))
)
def test_no_words_raise_anything_else(words: list[str]) -> None:
    with contextlib.suppress(Refusal):
        parse(words)


def chosen(home: Path, what: What, model: str | None = None, **more: Any) -> Any:
    sections = read({"YAP_HOME": str(home), **MAY}, {}).sections
    return choose(Asked(what=what, model=model, **more), sections, home, home)


def test_the_one_thing_of_a_model_is_found(tmp_path: Path) -> None:
    place = export(tmp_path)
    for model in (None, BASE, f"{BASE}@{COMMIT[:7]}", str(place)):
        assert chosen(tmp_path, What.QUANT, model).order.export == place
    with pytest.raises(Refusal, match="there is no export or checkpoint of org/other in the cache") as caught:
        chosen(tmp_path, What.QUANT, "org/other")
    assert caught.value.exit_code == NOTHING_THERE and str(place) in str(caught.value)
    with pytest.raises(Refusal, match="there is no engine in the cache: just build-trt makes one"):
        chosen(tmp_path, What.ENGINE)


def test_of_several_one_has_to_be_named(tmp_path: Path) -> None:
    four = export(tmp_path)
    eight = export(tmp_path, told={**EXPORT, "method": "fp8", "scheme": "FP8_DYNAMIC"})
    with pytest.raises(Refusal, match="2 things could be meant; name the directory of one") as caught:
        chosen(tmp_path, What.QUANT, BASE)
    assert caught.value.exit_code == USAGE and str(four) in str(caught.value) and str(eight) in str(caught.value)
    assert chosen(tmp_path, What.QUANT, BASE, word="4bit").order.export == four
    assert chosen(tmp_path, What.QUANT, BASE, word="8bit").order.export == eight


def test_a_damaged_entry_is_not_there_and_one_being_made_neither(tmp_path: Path) -> None:
    place = export(tmp_path)
    place.rename(place.with_name(f"{place.name}.partial-1"))
    damaged = export(tmp_path, told={**EXPORT, "method": "fp8"})
    (damaged / "model.safetensors").unlink()
    with pytest.raises(Refusal, match="there is no export or checkpoint in the cache"):
        chosen(tmp_path, What.QUANT)


def test_a_checkpoint_takes_its_newest_engines_along(tmp_path: Path) -> None:
    place, key = checkpoint(tmp_path)
    assert chosen(tmp_path, What.QUANT).notes == (
        "no engine of this checkpoint is in the cache: the checkpoint is pushed alone",
    )
    old = engine(tmp_path, {"key": key})
    new = engine(tmp_path, {"key": key}, {**ENGINE, "built_at": "2026-11-29T00:00:00+00:00"})
    other = engine(
        tmp_path, {"key": key}, {**ENGINE, "engine_label": "sm89_trt-llm-1.2.1_cuda13.1", "built_at": "2026"}
    )
    engine(tmp_path, {"key": "of another"}, {**ENGINE, "max_batch_size": 8})
    found = chosen(tmp_path, What.QUANT)
    assert found.order.checkpoint == place and set(found.order.engines) == {new, other}
    assert found.notes == (f"left out, a newer engine has its label: {old}",)


def test_a_local_base_model_has_to_be_named(tmp_path: Path) -> None:
    base = tmp_path / "base-model"
    base.mkdir()
    checkpoint(tmp_path, {**CHECKPOINT, "model_id": "base-model", "model_revision": "local"})
    assert chosen(tmp_path, What.QUANT).order.source == "base-model"
    assert chosen(tmp_path, What.QUANT, str(base)).order.source == str(base)
