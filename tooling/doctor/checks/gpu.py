"""GPUs: are there any, can the engine use them, is there room, does torch see what the driver sees."""

from collections.abc import Sequence

from tooling.doctor.facts import Facts
from tooling.doctor.finding import Check, Finding, fail, ok, warn
from tooling.gpus import Gpu
from tooling.gpus.formats import NAMES, NEWEST, OLDEST, number_of

ON_GPU = tuple(OLDEST)


def present(facts: Facts) -> Finding | None:
    """There is a GPU, if the engine needs one."""
    if not facts.gpu:
        return None
    gpus = facts.nvidia.gpus
    if gpus:
        kinds = ", ".join(f"{gpu.index}: {gpu.name} ({gpu.sm}, {gpu.total_gib:.0f} GiB)" for gpu in gpus)
        return ok("devices", f"{kinds}, by {facts.nvidia.source}")
    if facts.engine not in ON_GPU:
        return ok("devices", "no NVIDIA GPU; the CPU serves")
    return fail(
        "devices",
        f"no NVIDIA GPU ({facts.nvidia.trouble or 'the driver shows none'})",
        "install NVIDIA's driver, start the container with --gpus all, or serve on the CPU: just run",
    )


def visible(facts: Facts) -> Finding | None:
    """`CUDA_VISIBLE_DEVICES` leaves something."""
    if not facts.nvidia.gpus or facts.chosen is None:
        return None
    if facts.visible:
        return ok("visible", f"CUDA_VISIBLE_DEVICES leaves {', '.join(str(gpu.index) for gpu in facts.visible)}")
    return _by_engine(
        facts, "visible", "CUDA_VISIBLE_DEVICES leaves no GPU", "unset it, or name indexes or UUIDs of nvidia-smi -L"
    )


def one_kind(facts: Facts) -> Finding | None:
    """All GPUs that may be used are of one kind."""
    kinds = sorted({gpu.name for gpu in facts.visible})
    if len(kinds) < 2:
        return None
    return _by_engine(
        facts, "kinds", f"GPUs of different kinds: {', '.join(kinds)}", "choose one kind with CUDA_VISIBLE_DEVICES"
    )


def architecture(facts: Facts) -> Finding | None:
    """The engine has kernels for these GPUs."""
    if facts.engine not in OLDEST or not facts.visible:
        return None
    engine, numbers = NAMES[facts.engine], {gpu.sm: number_of(gpu.sm) for gpu in facts.visible}
    known = ", ".join(sorted(numbers))
    oldest = OLDEST[facts.engine]
    if min(numbers.values()) < oldest:
        return fail("architecture", f"{known}; {engine} needs sm{oldest} or newer", _for_an_older(facts, numbers))
    if max(numbers.values()) > NEWEST:
        return warn(
            "architecture", f"{known} is newer than what {engine} was tried on", "if it does not start: an older GPU"
        )
    return ok("architecture", f"{known}, which {engine} supports")


def undivided(facts: Facts) -> Finding | None:
    """No GPU is divided, or its slice is named."""
    divided = [str(gpu.index) for gpu in facts.visible if gpu.mig]
    if not divided or (facts.chosen or "").startswith("MIG-"):
        return None
    return warn(
        "MIG",
        f"GPU {', '.join(divided)} is divided (MIG): CUDA sees a slice at most, with its memory only",
        "name the slice: CUDA_VISIBLE_DEVICES=MIG-... (nvidia-smi -L)",
    )


def room(facts: Facts) -> Finding | None:
    """The memory that the fractions ask for is free. Who holds it is shown and never touched."""
    if facts.engine not in ON_GPU or not facts.visible:
        return None
    used, share = facts.visible[: facts.choices.devices_used], _share(facts)
    short = [gpu for gpu in used if gpu.free_gib < share * gpu.total_gib]
    free = ", ".join(f"{gpu.index}: {gpu.free_gib:.1f} of {gpu.total_gib:.1f} GiB free" for gpu in short or used)
    line = f"{free}; {share:.2f} of it is asked for"
    if not short:
        return ok("GPU memory", line)
    held = _holders(short)
    remedy = "end what holds it, choose another GPU with CUDA_VISIBLE_DEVICES, or lower CHAT_GPU_FRAC"
    if facts.engine == "trt":  # its fraction is of what is free, so it starts with less and holds fewer replies
        return warn("GPU memory", line + held, remedy)
    return fail("GPU memory", line + held, remedy)


def seen_by_torch(facts: Facts) -> Finding | None:
    """What the driver sees torch sees too."""
    devices, expected = facts.attempts.devices, len(facts.visible)
    if devices is None or not expected:
        return None
    if isinstance(devices, int) and devices >= 1:
        return ok("seen by torch", f"torch sees {devices} of {expected}")
    why = devices if isinstance(devices, str) else "0 devices"
    return fail(
        "seen by torch",
        f"{facts.nvidia.source} sees {expected}, torch none ({why}): wrong device node, "
        "stale assignment or MIG mismatch",
        "restart the container with --gpus all or a UUID, try another GPU, or have its owner reset it",
    )


def _by_engine(facts: Facts, name: str, line: str, remedy: str) -> Finding:
    return (fail if facts.engine in ON_GPU else warn)(name, line, remedy)


def _for_an_older(facts: Facts, numbers: dict[str, int]) -> str:
    if facts.engine == "trt" and min(numbers.values()) >= OLDEST["vllm"]:
        return "serve with vLLM (just run-vllm), or use a newer GPU"
    return "use a newer GPU, or the CPU: just run"


def _share(facts: Facts) -> float:
    chosen = facts.choices
    # Several GPUs for the chat engine leave the tool model to one of them, which settings cannot tell.
    together = chosen.chat_fraction + (chosen.tool_fraction if chosen.devices_used == 1 else 0.0)
    return together if chosen.chats else chosen.tool_fraction


def _holders(gpus: Sequence[Gpu]) -> str:
    found = [
        f"{holder.pid} {holder.name}".strip() + (f" {holder.used_gib:.1f} GiB" if holder.used_gib is not None else "")
        for gpu in gpus
        for holder in gpu.holders
    ]
    return f"; held by {', '.join(found)}" if found else ""


CHECKS: tuple[Check, ...] = (present, visible, one_kind, architecture, undivided, room, seen_by_torch)

__all__ = [
    "CHECKS",
    "architecture",
    "one_kind",
    "present",
    "room",
    "seen_by_torch",
    "undivided",
    "visible",
]
