"""The GPUs that this process may use, by NVML; none where there is no driver."""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import pynvml
from attrs import frozen

from engines.errors import EngineStartFailed

GIB = 1024**3
SLICE = "MIG-"
"""How the UUIDs of slices begin."""


@frozen
class GpuMemory:
    """One GPU, or a slice of one (MIG), which has its GPU's index. Memory in GiB; `sm`: the architecture, as `sm90`."""

    index: int
    uuid: str
    name: str
    sm: str
    total_gib: float
    free_gib: float


AnyGpu = TypeVar("AnyGpu", bound=GpuMemory)


def visible_gpus(environ: Mapping[str, str]) -> tuple[GpuMemory, ...]:
    """The devices in the order in which CUDA numbers them here, `CUDA_VISIBLE_DEVICES` respected.

    None of them is asked for where that variable is empty. Raises `EngineStartFailed` where a driver does not answer:
    a GPU that cannot be looked at is not one that is absent.
    """
    if hides_all(environ):
        return ()
    try:
        found = _all_gpus()
    except pynvml.NVMLError as error:
        raise EngineStartFailed(
            f"the GPUs cannot be looked at: {error}; to serve without, set CUDA_VISIBLE_DEVICES to nothing"
        ) from error
    return picked(found, environ)


def hides_all(environ: Mapping[str, str]) -> bool:
    """Whether `CUDA_VISIBLE_DEVICES` is there and leaves nothing."""
    return not environ.get("CUDA_VISIBLE_DEVICES", "-").strip()


def picked(gpus: Sequence[AnyGpu], environ: Mapping[str, str]) -> tuple[AnyGpu, ...]:
    """Those that `CUDA_VISIBLE_DEVICES` leaves, in its order; CUDA ignores everything from the first unknown one on.

    `gpus`: all of them, with their slices at the end; a slice counts only where its UUID is named.
    """
    words = environ.get("CUDA_VISIBLE_DEVICES")
    if words is None:
        return tuple(gpu for gpu in gpus if not gpu.uuid.startswith(SLICE))
    left: list[AnyGpu] = []
    for word in filter(None, (word.strip() for word in words.split(","))):
        match = [gpu for gpu in gpus if word == str(gpu.index) or (gpu.uuid and gpu.uuid.startswith(word))]
        if not match:
            break
        left.append(match[0])
    return tuple(left)


def measured(nvml: Any, index: int) -> GpuMemory:
    """What NVML tells of one device. `nvml`: the module, initialised. Raises its `NVMLError`."""
    handle = nvml.nvmlDeviceGetHandleByIndex(index)
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    major, minor = nvml.nvmlDeviceGetCudaComputeCapability(handle)
    return GpuMemory(
        index=index,
        uuid=os.fsdecode(nvml.nvmlDeviceGetUUID(handle)),
        name=os.fsdecode(nvml.nvmlDeviceGetName(handle)),
        sm=f"sm{major}{minor}",
        total_gib=memory.total / GIB,
        free_gib=memory.free / GIB,
    )


def slices(nvml: Any, gpu: GpuMemory) -> Iterator[GpuMemory]:
    """The slices that a GPU is divided into; none of one that is not divided, or where NVML does not tell."""
    handle = nvml.nvmlDeviceGetHandleByIndex(gpu.index)
    try:
        count = nvml.nvmlDeviceGetMaxMigDeviceCount(handle)
    except nvml.NVMLError:
        return
    for number in range(count):
        try:
            part = nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, number)
            memory = nvml.nvmlDeviceGetMemoryInfo(part)
            uuid, name = (os.fsdecode(ask(part)) for ask in (nvml.nvmlDeviceGetUUID, nvml.nvmlDeviceGetName))
        except nvml.NVMLError:
            continue  # not every place of a divided GPU is taken
        yield GpuMemory(gpu.index, uuid, name, gpu.sm, memory.total / GIB, memory.free / GIB)


def _all_gpus() -> tuple[GpuMemory, ...]:
    try:
        pynvml.nvmlInit()
    except (pynvml.NVMLError_LibraryNotFound, pynvml.NVMLError_DriverNotLoaded):
        return ()
    try:
        gpus = [measured(pynvml, index) for index in range(pynvml.nvmlDeviceGetCount())]
        return (*gpus, *(part for gpu in gpus for part in slices(pynvml, gpu)))
    finally:
        pynvml.nvmlShutdown()


__all__ = ["GIB", "SLICE", "GpuMemory", "hides_all", "measured", "picked", "slices", "visible_gpus"]
