"""What this machine must offer before anything long is started."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

from engines.trt.library import INSTALL
from runtime.listening import CannotListen, bind

GPU_DEVICE = Path("/dev/nvidiactl")
HOME_MARK = "pyproject.toml"


class Refusal(Exception):
    """This machine cannot do it; the message says why and what to do. `exit_code`: 3 refused, 4 conflict."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def require_gpu(device: Path = GPU_DEVICE) -> None:
    """Raises `Refusal` where the NVIDIA driver has no device."""
    if not device.exists():
        raise Refusal(f"no NVIDIA GPU here ({device} is missing); without one: just run", 3)


def _is_importable(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def require_trt(is_importable: Callable[[str], bool] = _is_importable) -> None:
    """Raises `Refusal` where TensorRT-LLM is not installed beside this interpreter. Imports nothing."""
    if not is_importable("tensorrt_llm"):
        raise Refusal(f"TensorRT-LLM is not installed: {INSTALL}", 3)


def require_port(host: str, port: int) -> None:
    """Raises `Refusal` if nothing can listen there now; 0 is always free."""
    if not port:
        return
    try:
        for probe in bind(host, port):
            probe.close()
    except CannotListen as error:
        if error.in_use:
            raise Refusal(f"{error} (--port)", 4) from None
        raise Refusal(str(error), 3) from None


def require_home(home: Path) -> Path:
    """The project's own directory, absolute. Raises `Refusal` for places that are not ours to fill and clean."""
    place = home.expanduser().resolve()
    if place in (Path("/"), Path.home().resolve()) or (place / HOME_MARK).exists():
        raise Refusal(f"YAP_HOME={place} is a root, home or source directory: name a directory of its own", 3)
    return place


__all__ = ["Refusal", "require_gpu", "require_home", "require_port", "require_trt"]
