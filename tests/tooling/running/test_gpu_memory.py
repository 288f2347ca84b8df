"""GPU memory of our processes, from records of what a driver tells: there is no GPU here."""

import os

import pytest

from tooling.gpus import Gpu, Holder, Nvidia, nvidia
from tooling.running import Identity
from tooling.running.gpu_memory import held


def gpu(index: int, *holders: Holder) -> Gpu:
    """One of a machine's GPUs."""
    return Gpu(
        index=index, uuid=f"GPU-{index}", name="NVIDIA H100", sm="sm90", total_gib=80, free_gib=40, holders=holders
    )


def test_ours_is_summed_by_gpu_and_others_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    family = [Identity(pid, 1, "boot") for pid in (10, 11)]
    told = Nvidia(
        gpus=(
            gpu(0, Holder(10, used_gib=1.5), Holder(11, used_gib=2.0), Holder(99, used_gib=30.0)),
            gpu(1, Holder(99, used_gib=1.0)),
            gpu(2, Holder(11, used_gib=None)),
        )
    )
    monkeypatch.setattr(nvidia, "by_nvml", lambda: told)
    assert held(family) == {0: 3.5}


def test_without_a_driver_nothing_is_told() -> None:
    assert held([Identity.of(os.getpid())]) == {}
