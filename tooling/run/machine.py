"""What this machine must offer before anything long is started."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

from engines.trt.library import INSTALL
from runtime.listening import CannotListen, bind
from tooling.refusal import CONFLICT, REFUSED, Refusal
from tooling.run.listener import listener_at

GPU_DEVICE = Path("/dev/nvidiactl")


def require_gpu(device: Path = GPU_DEVICE) -> None:
    """Raises `Refusal` where the NVIDIA driver has no device."""
    if not device.exists():
        raise Refusal(f"no NVIDIA GPU here ({device} is missing); without one: just run", REFUSED)


def _is_importable(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def require_trt(is_importable: Callable[[str], bool] = _is_importable) -> None:
    """Raises `Refusal` where TensorRT-LLM is not installed beside this interpreter. Imports nothing."""
    if not is_importable("tensorrt_llm"):
        raise Refusal(f"TensorRT-LLM is not installed: {INSTALL}", REFUSED)


def require_port(host: str, port: int) -> None:
    """Raises `Refusal` if nothing can listen there now, naming who does; 0 is always free."""
    if not port:
        return
    try:
        for probe in bind(host, port):
            probe.close()
    except CannotListen as error:
        if not error.in_use:
            raise Refusal(str(error), REFUSED) from None
        owner = listener_at(port)
        by = f" by {owner}" if owner else ""
        raise Refusal(
            f"port {port} on address {host} is in use{by}: stop that program, or take another (--port, SERVER_PORT)",
            CONFLICT,
        ) from None


__all__ = ["require_gpu", "require_port", "require_trt"]
