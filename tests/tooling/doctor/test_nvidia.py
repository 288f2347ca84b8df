"""What the driver tells, from recorded answers of NVML and of nvidia-smi."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.tooling.doctor.facts import H200
from tooling.doctor.facts import Holder
from tooling.doctor.nvidia import SMI, by_nvml, by_smi, chosen, look

GIB = 1024**3
ROW = "{}, GPU-{}, NVIDIA H200, 9.0, 143771, 143160, {}, 580.65.06\n"
HEADER = "| NVIDIA-SMI 580.65.06   Driver Version: 580.65.06   CUDA Version: 13.0 |\n"


class NoAnswer(Exception):
    """NVML's error."""


class Recorded:
    """The answers of a driver with one H200, as `pynvml` gives them."""

    NVMLError = NoAnswer

    def __init__(self, *, driver: bool = True, privileged: bool = True) -> None:
        self.driver = driver
        self.privileged = privileged
        self.open = 0

    def nvmlInit(self) -> None:
        if not self.driver:
            raise NoAnswer("Driver Not Loaded")
        self.open += 1

    def nvmlShutdown(self) -> None:
        self.open -= 1

    def nvmlSystemGetCudaDriverVersion(self) -> int:
        return 13010

    def nvmlSystemGetDriverVersion(self) -> str:
        return "590.44.01"

    def nvmlDeviceGetCount(self) -> int:
        return 1

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return index

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> Any:
        return SimpleNamespace(total=140 * GIB, free=20 * GIB)

    def nvmlDeviceGetCudaComputeCapability(self, handle: int) -> tuple[int, int]:
        return (9, 0)

    def nvmlDeviceGetMigMode(self, handle: int) -> list[int]:
        if not self.privileged:
            raise NoAnswer("Not Supported")
        return [1, 1]

    def nvmlDeviceGetComputeRunningProcesses(self, handle: int) -> list[Any]:
        if not self.privileged:
            raise NoAnswer("Insufficient Permissions")
        return [
            SimpleNamespace(pid=2**22 + 1, usedGpuMemory=119 * GIB),
            SimpleNamespace(pid=2**22 + 2, usedGpuMemory=None),
        ]

    def nvmlDeviceGetUUID(self, handle: int) -> str:
        return "GPU-aa"

    def nvmlDeviceGetName(self, handle: int) -> bytes:
        return b"NVIDIA H200"


def silent(command: Sequence[str]) -> str:
    raise FileNotFoundError(command[0])


def printed(rows: str, header: str = HEADER) -> Any:
    return lambda command: rows if tuple(command) == SMI else header


def test_nvml_tells_of_gpus_driver_divided_ones_and_who_holds_memory() -> None:
    nvml = Recorded()
    found = by_nvml(nvml)
    (gpu,) = found.gpus
    assert (found.source, found.driver, found.cuda) == ("NVML", "590.44.01", "13.1")
    assert (gpu.name, gpu.arch, gpu.total_gib, gpu.free_gib, gpu.mig) == ("NVIDIA H200", "sm90", 140.0, 20.0, True)
    assert gpu.holders == (Holder(2**22 + 1, "", 119.0), Holder(2**22 + 2))
    assert nvml.open == 0


def test_what_a_container_may_not_ask_is_left_open() -> None:
    (gpu,) = by_nvml(Recorded(privileged=False)).gpus
    assert (gpu.mig, gpu.holders) == (None, ())


def test_without_a_driver_its_own_words_are_kept() -> None:
    found = look(Recorded(driver=False), silent)
    assert found.gpus == ()
    assert found.trouble == "NVML: Driver Not Loaded"


def test_where_nvml_says_nothing_nvidia_smi_is_asked() -> None:
    found = look(Recorded(driver=False), printed(ROW.format(0, "aa", "Disabled")))
    (gpu,) = found.gpus
    assert (found.source, found.driver, found.cuda) == ("nvidia-smi", "580.65.06", "13.0")
    assert (gpu.arch, gpu.uuid, gpu.mig) == ("sm90", "GPU-aa", False)
    assert gpu.total_gib == pytest.approx(140.4, abs=0.1)


def test_nvidia_smi_tells_of_eight_and_of_those_that_cannot_be_divided() -> None:
    rows = "".join(ROW.format(index, f"{index:02}", "[N/A]") for index in range(8))
    gpus = by_smi(printed(rows)).gpus
    assert [gpu.index for gpu in gpus] == list(range(8))
    assert {gpu.mig for gpu in gpus} == {None}


@pytest.mark.parametrize("rows", ["No devices were found\n", "a, b\n", "x, y, z, 9.0, [N/A], [N/A], [N/A], 1\n"])
def test_what_nvidia_smi_cannot_mean_is_trouble_and_no_gpu(rows: str) -> None:
    found = by_smi(printed(rows))
    assert found.gpus == ()
    assert found.trouble.startswith("nvidia-smi: ")


@pytest.mark.parametrize(
    "error",
    [subprocess.TimeoutExpired("nvidia-smi", 20), subprocess.CalledProcessError(9, "nvidia-smi"), OSError("gone")],
)
def test_a_program_that_hangs_fails_or_is_missing_is_trouble(error: Exception) -> None:
    def run(command: Sequence[str]) -> str:
        raise error

    assert by_smi(run).trouble


def test_the_program_on_path_is_the_one_that_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nvidia-smi"
    row = ROW.format(0, "aa", "Disabled").strip()
    program.write_text(f'#!/bin/sh\ncase "$1" in --query-gpu=*) echo "{row}";; *) echo "{HEADER.strip()}";; esac\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert look(Recorded(driver=False)).cuda == "13.0"


@pytest.mark.parametrize(
    ("words", "indexes"),
    [
        (None, [0, 1]),
        ("1", [1]),
        ("1,0", [1, 0]),
        ("GPU-b", [1]),
        ("", []),
        ("0,9,1", [0]),
        ("-1", []),
        (" 0 , 1", [0, 1]),
    ],
)
def test_cuda_visible_devices_chooses_as_cuda_does(words: str | None, indexes: list[int]) -> None:
    from attrs import evolve

    gpus = (H200, evolve(H200, index=1, uuid="GPU-bb"))
    environ = {} if words is None else {"CUDA_VISIBLE_DEVICES": words}
    assert [gpu.index for gpu in chosen(gpus, environ)] == indexes
