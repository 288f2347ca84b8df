"""Which packages an environment is made of, from the locks and the licences that are written down beside them."""

from collections.abc import Iterable, Mapping, Sequence

from attrs import frozen

from tooling.setup import licences
from tooling.setup.project import Project

# An environment's locks. `image` is what the images add to a base; what a base holds is its vendor's to say.
ENVIRONMENTS: Mapping[str, tuple[str, ...]] = {
    "cpu": ("cpu",),
    "vllm": ("vllm", "cuda"),
    "quant": ("quant", "cuda"),
    "image": ("image",),
    "dev": ("dev",),
    "bench": ("bench",),
}
# Here torch is a stage of its own, in the version of pyproject.toml; quant has this one where there is no GPU.
WITH_TORCH = frozenset({"cpu", "quant"})


@frozen
class Package:
    """One version of one distribution, and which environments hold it. `licence`: in its own words, empty for none."""

    name: str
    version: str
    licence: str
    environments: tuple[str, ...]

    @property
    def pin(self) -> str:
        """As a lock writes it."""
        return f"{self.name}=={self.version}"


def of(project: Project, environments: Sequence[str]) -> tuple[Package, ...]:
    """Every package of these environments, once each version, in order."""
    said = licences.read(project.root)
    held: dict[tuple[str, str], list[str]] = {}
    for environment in environments:
        for pin in sorted(set(_pins(project, environment))):
            held.setdefault(pin, []).append(environment)
    return tuple(
        Package(name, version, said.get(f"{name}=={version}", ""), tuple(where))
        for (name, version), where in sorted(held.items())
    )


def _pins(project: Project, environment: str) -> Iterable[tuple[str, str]]:
    for lock in ENVIRONMENTS[environment]:
        yield from project.pins(lock).items()
    if environment in WITH_TORCH:
        yield "torch", project.torch_version()
    if environment == "quant":
        yield "torchvision", project.pins("vllm")["torchvision"]


__all__ = ["ENVIRONMENTS", "Package", "of"]
