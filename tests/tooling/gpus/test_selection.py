"""Which GPUs count: visible ones, of one kind, with the architecture that is told."""

from collections.abc import Mapping

import pytest
from attrs import evolve

from tests.tooling.doctor.facts import H200
from tooling.gpus import Gpu, Nvidia, architecture, facts, require_gpus
from tooling.refusal import Refusal

L4 = Gpu(index=1, uuid="GPU-bb", name="NVIDIA L4", sm="sm89", total_gib=23.0, free_gib=22.0)
TWIN = evolve(H200, index=1, uuid="GPU-cc")


def drives(*gpus: Gpu, trouble: str = "") -> "Look":
    return Look(Nvidia(source="NVML", driver="590.44.01", cuda="13.1", gpus=gpus, trouble=trouble))


class Look:
    """A driver that was asked so often."""

    def __init__(self, found: Nvidia) -> None:
        self.found = found
        self.asked = 0

    def __call__(self, environ: Mapping[str, str]) -> Nvidia:
        self.asked += 1
        return self.found


def test_every_visible_gpu_says_what_drives_it() -> None:
    first, second = facts({}, drives(H200, TWIN))
    assert (first.index, second.index) == (0, 1)
    assert (second.driver, second.cuda, second.sm) == ("590.44.01", "13.1", "sm90")


def test_different_kinds_are_refused_unless_one_is_chosen() -> None:
    both = drives(H200, L4)
    with pytest.raises(Refusal, match=r"0 NVIDIA H200, 1 NVIDIA L4; choose one kind with CUDA_VISIBLE_DEVICES") as told:
        facts({}, both)
    assert told.value.exit_code == 3
    assert [gpu.name for gpu in facts({"CUDA_VISIBLE_DEVICES": "1"}, both)] == ["NVIDIA L4"]


@pytest.mark.parametrize("words", ["", " "])
def test_an_empty_choice_asks_no_driver(words: str) -> None:
    look = drives(H200)
    assert facts({"CUDA_VISIBLE_DEVICES": words}, look) == ()
    assert look.asked == 0


@pytest.mark.parametrize("told", ["sm80", "80", "8.0", "SM80"])
def test_a_told_architecture_takes_the_place_of_the_own(told: str) -> None:
    environ = {"GPU_SM_ARCH": told}
    (gpu,) = gpus = facts(environ, drives(H200))
    assert (gpu.sm, gpu.own_sm) == ("sm80", "sm90")
    assert architecture(gpus, environ) == architecture((), environ) == "sm80"


def test_the_own_architecture_told_again_changes_nothing() -> None:
    (gpu,) = facts({"GPU_SM_ARCH": "9.0"}, drives(H200))
    assert (gpu.sm, gpu.own_sm) == ("sm90", "")


def test_without_gpus_and_without_being_told_there_is_no_architecture() -> None:
    assert architecture((), {}) is None
    assert architecture((H200,), {}) == "sm90"


@pytest.mark.parametrize(
    ("environ", "look", "why"),
    [
        ({}, drives(trouble="NVML: Driver Not Loaded"), "NVML: Driver Not Loaded"),
        ({}, drives(), "the driver shows none"),
        ({"CUDA_VISIBLE_DEVICES": ""}, drives(H200), "CUDA_VISIBLE_DEVICES is empty"),
        ({"CUDA_VISIBLE_DEVICES": "7"}, drives(H200, TWIN), "CUDA_VISIBLE_DEVICES=7 leaves none of 2"),
    ],
)
def test_what_needs_a_gpu_says_why_there_is_none(environ: dict[str, str], look: Look, why: str) -> None:
    with pytest.raises(Refusal) as told:
        require_gpus(environ, "building an engine", look)
    assert f"no NVIDIA GPU here ({why}), which building an engine needs;" in str(told.value)
    assert told.value.exit_code == 3
