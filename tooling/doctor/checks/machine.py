"""Port, limits, disk, shared memory, memory."""

from runtime.descriptors import needed as descriptors_needed
from tooling.doctor.facts import Facts
from tooling.doctor.finding import Check, Finding, fail, ok, warn

# The least that a model of a billion parameters and its cache need; real models need more.
DISK_GIB = 5.0
MEMORY_GIB = 4.0
# Containers get 64 MiB unless told otherwise; engines pass tensors between their processes there.
SHM_GIB = 1.0


def port(facts: Facts) -> Finding | None:
    """The port is free."""
    ours = [each.words for each in facts.launches if each.alive and each.port == facts.choices.port]
    if facts.machine.port_trouble and ours:
        return ok("port", f"{facts.choices.port} is held by a server of ours: {ours[0]}")
    if facts.machine.port_trouble:
        return warn("port", facts.machine.port_trouble, "stop that program, or choose another with --port")
    number = facts.choices.port
    return ok("port", f"{facts.choices.host}:{number} is free" if number else "any free one")


def descriptors(facts: Facts) -> Finding | None:
    """Every connection can have its descriptors."""
    limit, needed = facts.machine.descriptors, descriptors_needed(facts.choices.connections)
    line = f"{'unlimited' if limit is None else limit} open files, {facts.choices.connections} connections"
    if limit is not None and limit < needed:
        return fail("descriptors", f"{line} need {needed}", f"ulimit -n {needed}, or lower MAX_CONCURRENT_CONNECTIONS")
    return ok("descriptors", line)


def disk(facts: Facts) -> Finding | None:
    """There is room for models and what is made of them."""
    free = facts.machine.disk_gib
    if free is None:
        return warn("disk", f"the free space of {facts.machine.home} is not known", "name another YAP_HOME")
    line = f"{free:.1f} GiB free where {facts.machine.home} is"
    if free < DISK_GIB:
        return warn("disk", line, "free some space, or name another YAP_HOME and HF_HOME")
    return ok("disk", line)


def shared_memory(facts: Facts) -> Finding | None:
    """There is more shared memory than a container's 64 MiB."""
    size = facts.machine.shm_gib
    if facts.engine not in ("vllm", "trt") or size is None:
        return None
    line = f"{size:.2f} GiB in /dev/shm"
    if size < SHM_GIB:
        return warn("shared memory", line, "start the container with --ipc=host, or --shm-size=8g")
    return ok("shared memory", line)


def locked_memory(facts: Facts) -> Finding | None:
    """Memory may be locked, which TensorRT-LLM and MPI want for transfers to the GPU."""
    if facts.engine != "trt":
        return None
    limit = facts.machine.locked_gib
    if limit is None:
        return ok("locked memory", "unlimited")
    return warn(
        "locked memory",
        f"limited to {limit:.2f} GiB",
        "start the container with --ulimit memlock=-1 --ulimit stack=67108864, or ulimit -l unlimited",
    )


def memory(facts: Facts) -> Finding | None:
    """Some memory is free."""
    available = facts.machine.memory_gib
    if available is None:
        return None
    line = f"{available:.1f} GiB available"
    return ok("memory", line) if available >= MEMORY_GIB else warn("memory", line, "end other programs")


CHECKS: tuple[Check, ...] = (port, descriptors, disk, shared_memory, locked_memory, memory)

__all__ = ["CHECKS", "descriptors", "disk", "locked_memory", "memory", "port", "shared_memory"]
