"""The GPUs that this process may use, by NVML; none where there is no driver."""

import os
from collections.abc import Mapping

import pynvml
from attrs import frozen

from engines.errors import EngineStartFailed

GIB = 1024**3


@frozen
class GpuMemory:
    """One GPU. Memory in GiB; `arch` like `sm90`."""

    index: int
    uuid: str
    name: str
    arch: str
    total_gib: float
    free_gib: float


def visible_gpus(environ: Mapping[str, str]) -> tuple[GpuMemory, ...]:
    """The devices in the order in which CUDA numbers them here, `CUDA_VISIBLE_DEVICES` respected.

    None of them is asked for where that variable is empty. Raises `EngineStartFailed` where a driver does not answer:
    a GPU that cannot be looked at is not one that is absent.
    """
    chosen = environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None and not chosen.strip():
        return ()
    try:
        found = _all_gpus()
    except pynvml.NVMLError as error:
        raise EngineStartFailed(
            f"the GPUs cannot be looked at: {error}; to serve without, set CUDA_VISIBLE_DEVICES to nothing"
        ) from error
    if chosen is None:
        return found
    picked: list[GpuMemory] = []
    for word in filter(None, (word.strip() for word in chosen.split(","))):
        match = [gpu for gpu in found if word == str(gpu.index) or gpu.uuid.startswith(word)]
        if not match:  # CUDA ignores everything from the first unknown device on
            break
        picked.append(match[0])
    return tuple(picked)


def _all_gpus() -> tuple[GpuMemory, ...]:
    try:
        pynvml.nvmlInit()
    except (pynvml.NVMLError_LibraryNotFound, pynvml.NVMLError_DriverNotLoaded):
        return ()
    try:
        return tuple(_gpu(index) for index in range(pynvml.nvmlDeviceGetCount()))
    finally:
        pynvml.nvmlShutdown()


def _gpu(index: int) -> GpuMemory:
    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    major, minor = pynvml.nvmlDeviceGetCudaComputeCapability(handle)
    return GpuMemory(
        index=index,
        uuid=_text(pynvml.nvmlDeviceGetUUID(handle)),
        name=_text(pynvml.nvmlDeviceGetName(handle)),
        arch=f"sm{major}{minor}",
        total_gib=memory.total / GIB,
        free_gib=memory.free / GIB,
    )


def _text(value: str | bytes) -> str:
    return os.fsdecode(value)


__all__ = ["GpuMemory", "visible_gpus"]
