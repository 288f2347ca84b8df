"""Service links: variables that container platforms make of the names of services, and that look like settings.

Beside a service called `vllm` every pod has `VLLM_PORT=tcp://10.43.1.2:8000`, `VLLM_SERVICE_HOST=10.43.1.2` and more
(kubernetes.io/docs/concepts/services-networking/service, "Environment variables"), whoever reads such names.
"""

import re
from collections.abc import Mapping

LINK = re.compile(r"(tcp|udp|sctp)://[^/\s]+:[0-9]+/?", re.IGNORECASE)
INJECTED = re.compile(
    r".*_(SERVICE_HOST|SERVICE_PORT(_[A-Za-z0-9_]+)?|PORT_[0-9]+_(TCP|UDP|SCTP)[A-Za-z0-9_]*)", re.DOTALL
)
# What the engines and what they bring along read, by the first words of the names.
LIBRARIES = re.compile(
    r"(VLLM|RAY|NCCL|GLOO|UCX|NVSHMEM|MASTER|TRT|TRTLLM|TLLM|TENSORRT|OMPI|PMIX|PRTE|MPI|HF|HUGGINGFACE|TRANSFORMERS"
    r"|TOKENIZERS|SAFETENSORS|TORCH|PYTORCH|TORCHINDUCTOR|TRITON|FLASHINFER|LMCACHE|CUDA|NVIDIA|OMP|MKL|SENTRY|OTEL)_.*",
    re.DOTALL,
)
ADDRESSES = re.compile(r".*(URL|URI|ENDPOINT|ADDRESS)", re.DOTALL)


def is_library(name: str) -> bool:
    """Whether engines, or what they bring along, may read a variable."""
    return LIBRARIES.fullmatch(name) is not None


def is_service_link(value: str) -> bool:
    """Whether a value is what platforms put into `<SERVICE>_PORT`."""
    return LINK.fullmatch(value.strip()) is not None


def is_injected(name: str) -> bool:
    """Whether a name is one of those that come along with a service link, whatever its value."""
    return INJECTED.fullmatch(name) is not None


def library_links(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Variables that a library would take for its own and that are service links, sorted; their companions too."""
    links = [
        name
        for name, value in environ.items()
        if is_library(name) and not ADDRESSES.fullmatch(name) and is_service_link(value)
    ]
    services = tuple(name.removesuffix("PORT") for name in links if name.endswith("_PORT"))
    companions = (name for name in environ if name.startswith(services) and is_injected(name)) if services else ()
    return tuple(sorted({*links, *companions}))


__all__ = ["is_injected", "is_library", "is_service_link", "library_links"]
