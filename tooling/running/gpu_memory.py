"""How much GPU memory processes of ours hold, by the driver's own account."""

from collections.abc import Iterable

from tooling.gpus import nvidia
from tooling.running.identity import Identity


def held(family: Iterable[Identity]) -> dict[int, float]:
    """GiB of each GPU that these processes hold, by its index; nothing where there is no driver, or it does not say.

    In a container the driver may number processes as its host does, and knows none of ours then.
    """
    pids = {process.pid for process in family}
    sums: dict[int, float] = {}
    for gpu in nvidia.by_nvml().gpus:
        for holder in gpu.holders:
            if holder.pid in pids and holder.used_gib is not None:
                sums[gpu.index] = sums.get(gpu.index, 0.0) + holder.used_gib
    return sums


__all__ = ["held"]
