"""What a worker finds around it, and whether that is what it was planned for."""

from collections.abc import Mapping
from importlib.metadata import distributions

import attrs
from attrs import evolve

from tooling.gpus import Gpu, require_gpus
from tooling.gpus.toolkit import toolkit
from tooling.refusal import FAILED, Refusal
from tooling.trt.versions import Versions, versions_of


def require_versions(planned: Mapping[str, str], environ: Mapping[str, str]) -> Versions:
    """The versions of this environment. Raises `Refusal` where they are not those that the key was made of."""
    packages = {str(each.metadata["Name"]).lower().replace("_", "-"): each.version for each in distributions()}
    found = versions_of(packages, toolkit(environ))
    other = [
        f"{name} is {version or 'not known'}, planned was {planned[name] or 'not known'}"
        for name, version in attrs.asdict(found).items()
        if version != planned[name]
    ]
    if other or found.unknown():
        raise Refusal(
            f"this environment is not the one that was planned for: {'; '.join(other) or 'no version is known'}; "
            "run it again",
            FAILED,
        )
    return found


def require_gpu(environ: Mapping[str, str], what: str) -> Gpu:
    """The GPU that is worked on, with the architecture it really has. Raises `Refusal`."""
    first = require_gpus(environ, what)[0]
    return evolve(first, sm=first.own_sm or first.sm)


__all__ = ["require_gpu", "require_versions"]
