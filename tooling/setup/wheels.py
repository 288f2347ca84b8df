"""Which torch to install: on Linux the package index's default one carries gigabytes of CUDA a CPU never uses."""

import platform
import re

from tooling.setup.errors import SetupError
from tooling.setup.installer import Candidate, Installer

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
GPU_LIBRARIES = ("nvidia-", "cuda-", "triton")
_MACHINE = re.compile(r"platform_machine == ['\"](?P<name>[^'\"]+)['\"]")


def is_cpu_build(torch: Candidate, machine: str | None = None) -> bool:
    """Whether this torch wheel needs no GPU libraries on `machine` (default: this one).

    A CPU build says so in its local version (`2.13.0+cpu`), or requires none of NVIDIA's packages here.
    """
    if "+" in torch.version:
        return torch.version.endswith("+cpu")
    here = machine or platform.machine()
    return not any(_applies(requirement, here) for requirement in torch.requires)


def install_torch(installer: Installer, version: str) -> None:
    """Install the CPU build of torch. Raises `SetupError`.

    The configured indexes are asked first, so that a machine with its own mirror or wheel folder needs no other host.
    """
    requirement = f"torch=={version}"
    found = next((one for one in installer.resolve("--no-deps", requirement) if one.name == "torch"), None)
    if found is not None and is_cpu_build(found):
        installer.install("--no-deps", requirement)
        return
    installer.progress.say(f"the default torch here is the CUDA build; taking the CPU one from {CPU_INDEX}")
    try:
        installer.install("--no-deps", "--index-url", CPU_INDEX, f"{requirement}+cpu")
    except SetupError as error:
        raise SetupError(
            f"The default torch {version} here is the CUDA build, and the CPU build could not be installed from"
            f" {CPU_INDEX}.\nMake that address reachable (proxy: HTTPS_PROXY), or put a torch {version}+cpu wheel into"
            f" a folder and name it with PIP_FIND_LINKS, then run this again.\n{error}"
        ) from error


def require_gpu_build(installer: Installer, version: str) -> None:
    """Raises `SetupError` where the configured indexes would give the CPU build of this version."""
    found = next((one for one in installer.resolve("--no-deps", f"torch=={version}") if one.name == "torch"), None)
    if found is not None and found.version.endswith("+cpu"):
        raise SetupError(
            f"The default torch here is {found.version}, a build for the CPU.\nTake it out of pip's indexes and folders"
            " (pip config list), then run this again."
        )


def _applies(requirement: str, machine: str) -> bool:
    if not requirement.lower().startswith(GPU_LIBRARIES):
        return False
    machines = _MACHINE.findall(requirement)
    return not machines or machine in machines


__all__ = ["CPU_INDEX", "GPU_LIBRARIES", "install_torch", "is_cpu_build", "require_gpu_build"]
