"""Which GPUs count: those that `CUDA_VISIBLE_DEVICES` leaves, all of one kind, of the architecture that is told."""

from collections.abc import Callable, Mapping

from attrs import evolve

from runtime.gpus import hides_all, picked
from runtime.settings.reading import read
from tooling.gpus.gpu import Gpu, Nvidia
from tooling.gpus.nvidia import look
from tooling.refusal import REFUSED, Refusal

Look = Callable[[Mapping[str, str]], Nvidia]


def facts(environ: Mapping[str, str], look: Look = look) -> tuple[Gpu, ...]:
    """The visible GPUs; none where there is no driver, or where `CUDA_VISIBLE_DEVICES` is empty.

    Raises `Refusal` (3) for GPUs of different kinds. `GPU_SM_ARCH` takes the place of their own architecture.
    """
    return () if hides_all(environ) else _counting(look(environ), environ)


def require_gpus(environ: Mapping[str, str], what: str, look: Look = look) -> tuple[Gpu, ...]:
    """The same, at least one. Raises `Refusal` (3) that says what needs it and why there is none."""
    found = Nvidia(trouble="CUDA_VISIBLE_DEVICES is empty") if hides_all(environ) else look(environ)
    gpus = _counting(found, environ)
    if gpus:
        return gpus
    why = found.trouble or "the driver shows none"
    if found.gpus:
        why = f"CUDA_VISIBLE_DEVICES={environ['CUDA_VISIBLE_DEVICES']} leaves none of {len(found.gpus)}"
    raise Refusal(
        f"no NVIDIA GPU here ({why}), which {what} needs; just doctor tells more; without one: just run",
        REFUSED,
    )


def architecture(gpus: tuple[Gpu, ...], environ: Mapping[str, str]) -> str | None:
    """The architecture to decide for, like `sm90`: `GPU_SM_ARCH`, else that of the GPUs; None without either."""
    return _told(environ) or (gpus[0].sm if gpus else None)


def _counting(found: Nvidia, environ: Mapping[str, str]) -> tuple[Gpu, ...]:
    gpus = picked(found.gpus, environ)
    kinds = sorted({gpu.name for gpu in gpus})
    if len(kinds) > 1:
        raise Refusal(
            f"GPUs of different kinds: {', '.join(f'{gpu.index} {gpu.name}' for gpu in gpus)}; choose one kind with "
            "CUDA_VISIBLE_DEVICES",
            REFUSED,
        )
    told = _told(environ)
    return tuple(_as_told(evolve(gpu, driver=found.driver, cuda=found.cuda), told) for gpu in gpus)


def _told(environ: Mapping[str, str]) -> str | None:
    settings = read(environ, {}).sections
    return settings.quantising.gpu_sm_arch


def _as_told(gpu: Gpu, told: str | None) -> Gpu:
    return evolve(gpu, sm=told, own_sm=gpu.sm) if told and told != gpu.sm else gpu


__all__ = ["architecture", "facts", "require_gpus"]
