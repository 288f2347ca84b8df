"""GPUs and their driver as plain values: gathered once, and written down by hand in tests."""

from attrs import frozen

from runtime.gpus import GpuMemory


@frozen
class Holder:
    """A process that holds GPU memory; its name is empty where the process table does not show it.

    `is_ours`: it carries the mark that our servers put on their engines' processes.
    """

    pid: int
    name: str = ""
    used_gib: float | None = None
    is_ours: bool = False


@frozen(kw_only=True)
class Gpu(GpuMemory):
    """One GPU. `mig`: divided into instances, None if it cannot be; `driver`, `cuda`: its driver and the newest CUDA
    that this can run, as `13.0`.

    `own_sm`: the architecture it really has where `GPU_SM_ARCH` says another, which `sm` then is; empty otherwise.
    """

    mig: bool | None = None
    holders: tuple[Holder, ...] = ()
    driver: str = ""
    cuda: str = ""
    own_sm: str = ""


@frozen(kw_only=True)
class Nvidia:
    """What the driver tells. `source`: NVML, nvidia-smi or empty; `cuda`: the newest CUDA it can run, as `13.0`.

    `trouble`: why there is nothing to tell.
    """

    source: str = ""
    driver: str = ""
    cuda: str = ""
    gpus: tuple[Gpu, ...] = ()
    trouble: str = ""


__all__ = ["Gpu", "Holder", "Nvidia"]
