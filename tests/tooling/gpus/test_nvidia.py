"""What the driver tells, from recorded answers of NVML and of nvidia-smi."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from attrs import evolve

from engines.guardian import MARK
from runtime.gpus import picked
from tests.tooling.doctor.facts import H200
from tooling.gpus import Holder
from tooling.gpus.nvidia import SMI, by_nvml, by_smi, look, output

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

    def nvmlDeviceGetMaxMigDeviceCount(self, handle: int) -> int:
        raise NoAnswer("Not Supported")

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
    assert (gpu.name, gpu.sm, gpu.total_gib, gpu.free_gib, gpu.mig) == ("NVIDIA H200", "sm90", 140.0, 20.0, True)
    assert gpu.holders == (Holder(2**22 + 1, "", 119.0), Holder(2**22 + 2))
    assert nvml.open == 0


class Divided(Recorded):
    """The same H200 with two of seven slices in use. A slice's handle is above 100."""

    def nvmlDeviceGetMaxMigDeviceCount(self, handle: int) -> int:
        return 7

    def nvmlDeviceGetMigDeviceHandleByIndex(self, handle: int, number: int) -> int:
        if number not in (0, 3):
            raise NoAnswer("Not Found")
        return 100 + number

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> Any:
        return (
            SimpleNamespace(total=18 * GIB, free=17 * GIB) if handle >= 100 else super().nvmlDeviceGetMemoryInfo(handle)
        )

    def nvmlDeviceGetUUID(self, handle: int) -> str:
        return f"MIG-{handle}" if handle >= 100 else "GPU-aa"

    def nvmlDeviceGetName(self, handle: int) -> bytes:
        return b"NVIDIA H200 MIG 1g.18gb" if handle >= 100 else b"NVIDIA H200"


def test_a_slice_counts_only_where_it_is_named() -> None:
    gpus = by_nvml(Divided()).gpus
    assert [gpu.uuid for gpu in gpus] == ["GPU-aa", "MIG-100", "MIG-103"]
    assert [gpu.uuid for gpu in picked(gpus, {})] == ["GPU-aa"]
    assert [gpu.uuid for gpu in picked(gpus, {"CUDA_VISIBLE_DEVICES": "0"})] == ["GPU-aa"]
    (part,) = picked(gpus, {"CUDA_VISIBLE_DEVICES": "MIG-103"})
    assert (part.name, part.sm, part.total_gib, part.mig) == ("NVIDIA H200 MIG 1g.18gb", "sm90", 18.0, True)


def test_what_a_container_may_not_ask_is_left_open() -> None:
    (gpu,) = by_nvml(Recorded(privileged=False)).gpus
    assert (gpu.mig, gpu.holders) == (None, ())


def test_without_a_driver_its_own_words_are_kept() -> None:
    found = look({}, Recorded(driver=False), silent)
    assert found.gpus == ()
    assert found.trouble == "NVML: Driver Not Loaded"


def test_where_nvml_says_nothing_nvidia_smi_is_asked() -> None:
    found = look({}, Recorded(driver=False), printed(ROW.format(0, "aa", "Disabled")))
    (gpu,) = found.gpus
    assert (found.source, found.driver, found.cuda) == ("nvidia-smi", "580.65.06", "13.0")
    assert (gpu.sm, gpu.uuid, gpu.mig) == ("sm90", "GPU-aa", False)
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


def recorded_program(directory: Path, rows: str = "", *, instead: str = "") -> dict[str, str]:
    """An nvidia-smi first on `PATH` that prints `rows`, or does something else; the environment that finds it."""
    directory.mkdir(exist_ok=True)
    (directory / "rows.csv").write_text(rows)
    program = directory / "nvidia-smi"
    said = f'case "$1" in --query-gpu=*) cat {directory}/rows.csv;; *) echo "{HEADER.strip()}";; esac'
    program.write_text(f"#!/bin/sh\n{instead or said}\n")
    program.chmod(0o755)
    return {"PATH": f"{directory}:/usr/bin:/bin"}


@pytest.mark.parametrize(
    ("rows", "divided"),
    [
        (ROW.format(0, "aa", "Disabled"), [False]),
        (ROW.format(0, "aa", "Enabled"), [True]),
        ("".join(ROW.format(index, f"{index:02}", "[N/A]") for index in range(8)), [None] * 8),
    ],
    ids=["one", "MIG", "eight"],
)
def test_the_program_on_path_is_the_one_that_is_asked(rows: str, divided: list[bool | None], tmp_path: Path) -> None:
    found = look(recorded_program(tmp_path, rows), Recorded(driver=False))
    assert (found.source, found.cuda) == ("nvidia-smi", "13.0")
    assert [gpu.mig for gpu in found.gpus] == divided


@pytest.mark.parametrize(
    "instead", ["exit 0", "echo No devices were found; exit 6", "exit 9", "exec kill -9 $$", "echo 0, GPU"]
)
def test_a_program_without_an_answer_is_no_gpu(instead: str, tmp_path: Path) -> None:
    found = look(recorded_program(tmp_path, instead=instead), Recorded(driver=False))
    assert found.gpus == ()
    assert found.trouble == "NVML: Driver Not Loaded"


def test_a_program_that_hangs_is_ended(tmp_path: Path) -> None:
    environ = recorded_program(tmp_path, instead="exec sleep 600")
    found = by_smi(lambda command: output(environ, command, timeout_s=0.3))
    assert "timed out" in found.trouble


def test_a_process_with_our_mark_is_told_as_ours() -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen(["/bin/cat"], env={MARK: "ab"}, stdin=pipe, stdout=pipe, bufsize=0) as ours:
        assert ours.stdin is not None
        assert ours.stdout is not None
        ours.stdin.write(b"up\n")
        ours.stdout.readline()  # from here on it is cat, and no longer what started it

        class Held(Recorded):
            def nvmlDeviceGetComputeRunningProcesses(self, handle: int) -> list[Any]:
                return [SimpleNamespace(pid=pid, usedGpuMemory=None) for pid in (ours.pid, 1)]

        (gpu,) = by_nvml(Held()).gpus
        ours.kill()
    assert [(holder.name, holder.is_ours) for holder in gpu.holders[:1]] == [("cat", True)]
    assert not gpu.holders[1].is_ours


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
    gpus = (H200, evolve(H200, index=1, uuid="GPU-bb"))
    environ = {} if words is None else {"CUDA_VISIBLE_DEVICES": words}
    assert [gpu.index for gpu in picked(gpus, environ)] == indexes
