"""What the machine offers a server: port, limits, disk, shared and main memory."""

import os
import resource
import shutil
from pathlib import Path

from runtime import descriptors
from tooling.doctor.facts import Machine
from tooling.refusal import Refusal
from tooling.run.machine import require_port

GIB = 1024**3
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  # looked at, nothing is put there
MEMORY_TABLE = Path("/proc/meminfo")


def look(home: Path, host: str, port: int) -> Machine:
    """The facts. `home`: `YAP_HOME`, which need not exist yet."""
    return Machine(
        port_trouble=_port_trouble(host, port),
        descriptors=descriptors.allowed(),
        locked_gib=None if (locked := _limit(resource.RLIMIT_MEMLOCK)) is None else locked / GIB,
        home=str(home),
        disk_gib=_free_gib(home),
        shm_gib=_total_gib(SHARED_MEMORY),
        memory_gib=available_gib(MEMORY_TABLE),
    )


def available_gib(table: Path) -> float | None:
    """`MemAvailable` of /proc/meminfo (proc(5)), which stands there in KiB."""
    try:
        lines = table.read_text("ascii", "replace").splitlines()
    except OSError:
        return None
    found = [line.split() for line in lines if line.startswith("MemAvailable:")]
    return int(found[0][1]) * 1024 / GIB if found else None


def _port_trouble(host: str, port: int) -> str:
    try:
        require_port(host, port)
    except Refusal as refusal:
        return str(refusal)
    return ""


def _limit(which: int) -> int | None:
    soft, _ = resource.getrlimit(which)
    return None if soft == resource.RLIM_INFINITY else soft


def _free_gib(place: Path) -> float | None:
    """Free space where a directory is, or where it would be made."""
    there = next((each for each in (place, *place.parents) if each.is_dir()), None)
    try:
        return None if there is None else shutil.disk_usage(there).free / GIB
    except OSError:
        return None


def _total_gib(place: Path) -> float | None:
    try:
        found = os.statvfs(place)
    except OSError:
        return None
    return found.f_blocks * found.f_frsize / GIB


__all__ = ["available_gib", "look"]
