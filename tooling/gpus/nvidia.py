"""The GPUs and the driver, by NVML, else by nvidia-smi."""

import os
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pynvml
from attrs import asdict

from engines.guardian import MARK
from runtime.gpus import GIB, measured, slices
from tooling.gpus.gpu import Gpu, Holder, Nvidia

MIB_PER_GIB = 1024
SMI_S = 20.0
SMI_FIELDS = "index,uuid,name,compute_cap,memory.total,memory.free,mig.mode.current,driver_version"
SMI = ("nvidia-smi", f"--query-gpu={SMI_FIELDS}", "--format=csv,noheader,nounits")
SMI_CUDA = re.compile(r"CUDA (?:UMD )?Version\s*:\s*([0-9]+\.[0-9]+)")
Run = Callable[[Sequence[str]], str]


def look(environ: Mapping[str, str], nvml: Any = pynvml, run: Run | None = None) -> Nvidia:
    """What the driver tells, by the first source that answers; neither: the trouble that NVML had.

    `environ` says by its `PATH` where nvidia-smi is.
    """
    first = by_nvml(nvml)
    if first.gpus:
        return first
    second = by_smi(run or partial(output, environ))
    return second if second.gpus else first


def by_nvml(nvml: Any = pynvml) -> Nvidia:
    """The driver's own library. `nvml`: the module `pynvml`, or its recorded answers."""
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        return Nvidia(trouble=f"NVML: {error}")
    try:
        cuda = nvml.nvmlSystemGetCudaDriverVersion()
        gpus = [_gpu(nvml, index) for index in range(nvml.nvmlDeviceGetCount())]
        return Nvidia(
            source="NVML",
            driver=os.fsdecode(nvml.nvmlSystemGetDriverVersion()),
            cuda=f"{cuda // 1000}.{cuda % 1000 // 10}",  # 1000 * major + 10 * minor, says its documentation
            gpus=(*gpus, *(Gpu(**asdict(part), mig=True) for gpu in gpus for part in slices(nvml, gpu))),
        )
    except nvml.NVMLError as error:
        return Nvidia(trouble=f"NVML: {error}")
    finally:
        nvml.nvmlShutdown()


def by_smi(run: Run) -> Nvidia:
    """The driver's command. `run` gives the text that a command prints and raises `OSError` or a subprocess error."""
    try:
        rows = [[cell.strip() for cell in row.split(",")] for row in run(SMI).splitlines() if row.strip()]
        gpus = tuple(_from_row(row) for row in rows)
        found = SMI_CUDA.search(run(SMI[:1]))
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
        return Nvidia(trouble=f"nvidia-smi: {error}")
    return Nvidia(source="nvidia-smi", driver=rows[0][7] if rows else "", cuda=found[1] if found else "", gpus=gpus)


def _gpu(nvml: Any, index: int) -> Gpu:
    handle = nvml.nvmlDeviceGetHandleByIndex(index)
    mig: bool | None = None
    holders: tuple[Holder, ...] = ()
    with suppress(nvml.NVMLError):  # most kinds cannot be divided
        mig = bool(nvml.nvmlDeviceGetMigMode(handle)[0])
    with suppress(nvml.NVMLError):  # not allowed in some containers
        holders = tuple(_holder(each) for each in nvml.nvmlDeviceGetComputeRunningProcesses(handle))
    return Gpu(**asdict(measured(nvml, index)), mig=mig, holders=holders)


def _holder(process: Any) -> Holder:
    name = ""
    with suppress(OSError):
        name = Path(f"/proc/{process.pid}/comm").read_text("utf-8", "replace").strip()
    used = process.usedGpuMemory
    return Holder(process.pid, name, None if used is None else used / GIB, _is_ours(process.pid))


def _is_ours(pid: int) -> bool:
    with suppress(OSError):
        return f"\0{MARK}=".encode() in b"\0" + Path(f"/proc/{pid}/environ").read_bytes()
    return False


def _from_row(row: Sequence[str]) -> Gpu:
    index, uuid, name, capability, total, free, mig = row[:7]
    return Gpu(
        index=int(index),
        uuid=uuid,
        name=name,
        sm="sm" + capability.replace(".", ""),
        total_gib=float(total) / MIB_PER_GIB,
        free_gib=float(free) / MIB_PER_GIB,
        mig={"Enabled": True, "Disabled": False}.get(mig),
    )


def output(environ: Mapping[str, str], command: Sequence[str], timeout_s: float = SMI_S) -> str:
    """What a command prints. Raises `OSError`, or a subprocess error where it fails or takes too long."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=True, env=dict(environ))
    return done.stdout


__all__ = ["SMI", "by_nvml", "by_smi", "look", "output"]
