"""The versions that decide what a checkpoint and an engine are, and the last line of TensorRT-LLM that has engines."""

import re
from collections.abc import Mapping

import attrs
from attrs import frozen

from tooling.refusal import REFUSED, Refusal

# Canonical distribution names; those of TensorRT and of CUDA's runtime carry the CUDA version in some releases.
LIBRARY, MODELOPT = "tensorrt-llm", "nvidia-modelopt"
TENSORRT = ("tensorrt", "tensorrt-cu13", "tensorrt-cu12")
CUDA_RUNTIME = ("nvidia-cuda-runtime", "nvidia-cuda-runtime-cu13", "nvidia-cuda-runtime-cu12")
LAST_WITH_ENGINES = (1, 2)
_NUMBERS = re.compile(r"(\d+)\.(\d+)")


@frozen(kw_only=True)
class Versions:
    """Versions of an environment; empty where it does not say one. `cuda`: major.minor of the toolkit."""

    tensorrt_llm: str = ""
    tensorrt: str = ""
    modelopt: str = ""
    cuda: str = ""

    def unknown(self) -> tuple[str, ...]:
        """The names of those that are not known."""
        return tuple(name for name, version in attrs.asdict(self).items() if not version)


def versions_of(packages: Mapping[str, str], toolkit: str) -> Versions:
    """Read an environment's packages (canonical name to version). `toolkit`: what nvcc says, which counts for CUDA;
    without one the CUDA runtime that came as a package.
    """
    runtime = next((packages[name] for name in CUDA_RUNTIME if name in packages), "")
    found = _NUMBERS.match(toolkit or runtime)
    return Versions(
        tensorrt_llm=packages.get(LIBRARY, "").partition("+")[0],
        tensorrt=next((packages[name] for name in TENSORRT if name in packages), ""),
        modelopt=packages.get(MODELOPT, ""),
        cuda=f"{found[1]}.{found[2]}" if found else "",
    )


def require_engines(version: str) -> None:
    """Raises `Refusal` for a TensorRT-LLM that neither builds nor runs engines."""
    found = _NUMBERS.match(version)
    if found and (int(found[1]), int(found[2])) > LAST_WITH_ENGINES:
        raise Refusal(
            f"TensorRT-LLM {version} cannot build or run compiled engines: they ended with 1.2, from 1.3 on the "
            "library serves Hugging Face checkpoints only. Install 1.2.1 (just setup trt), or unset TRT_ENGINE_DIR and "
            "serve the Hugging Face checkpoint (just run-trt auto org/name)",
            REFUSED,
        )


__all__ = ["Versions", "require_engines", "versions_of"]
