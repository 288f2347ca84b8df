"""What TensorRT-LLM asks of a machine before gigabytes are fetched: the right Python, and Open MPI."""

import ctypes
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from tooling.setup.environment import Environment
from tooling.setup.errors import MachineError
from tooling.setup.installer import Installer

# Its wheels exist for 3.10, which is too old for this project, and for 3.12.
PYTHON = (3, 12)
INDEX = "https://pypi.nvidia.com"
TORCH_INDEX = "https://download.pytorch.org/whl/cu130"
MPI_LIBRARIES = ("libmpi.so.40", "libmpi.so.12", "libmpi.so")
MPI_PACKAGE = "libopenmpi-dev"


def install_torch(installer: Installer, version: str) -> None:
    """Install the build of torch for CUDA 13, which the library's wheel was made against. Raises `SetupError`."""
    installer.install("--index-url", TORCH_INDEX, f"torch=={version}")


def install_library(installer: Installer, *requirements: str) -> None:
    """Install the library with its dependencies, NVIDIA's index besides the usual one. Raises `SetupError`."""
    installer.install("--extra-index-url", INDEX, *requirements)


def python_for_trt(
    running: tuple[int, int] = sys.version_info[:2], find: Callable[[str], str | None] = shutil.which
) -> str:
    """The interpreter its environment is made with. Raises `MachineError`."""
    if running == PYTHON:
        return sys.executable
    found = find("python{}.{}".format(*PYTHON))
    # A version manager's stand-in is found also for versions that are not installed.
    if found and subprocess.run([found, "--version"], capture_output=True, check=False).returncode == 0:
        return found
    raise MachineError(
        "TensorRT-LLM is published for Python 3.10 and 3.12, this is {}.{} and PATH has no python3.12: install it and"
        " run this again".format(*running)
    )


def require_mpi(environ: Mapping[str, str], load: Callable[[str], object] = ctypes.CDLL) -> None:
    """Raises `MachineError` with the command that installs Open MPI; installing it is left to the machine's owner."""
    for name in MPI_LIBRARIES:
        try:
            load(name)
        except OSError:
            continue
        return
    pin = environ.get("MPI_VERSION_PIN", "").strip()
    wanted = f"{MPI_PACKAGE}={pin}" if pin else MPI_PACKAGE
    held = f" && sudo apt-mark hold {MPI_PACKAGE}" if pin else ""
    raise MachineError(
        f"TensorRT-LLM needs Open MPI, and libmpi cannot be loaded: sudo apt-get install {wanted}{held}\n"
        "Such packages can move CUDA to an older version: afterwards run just doctor --engine trt"
    )


def is_ready(root: Path) -> bool:
    """Whether a launch has an interpreter to run with: the library's own environment, or a whole one of the CPU."""
    environment = Environment(root / ".venvs" / "trt")
    if not environment.python.exists():  # then the CPU's interpreter says what is missing, if it can
        environment = Environment(root / ".venvs" / "cpu")
    return environment.sound() and "project" in environment.record()


__all__ = ["INDEX", "install_library", "install_torch", "is_ready", "python_for_trt", "require_mpi"]
