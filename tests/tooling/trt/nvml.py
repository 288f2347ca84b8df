"""A stand-in of NVML's module for one H100, put on the path of the processes of a test as `pynvml`."""

from types import SimpleNamespace

GIB = 1024**3


class NVMLError(Exception):
    """Not supported here."""


class NVMLError_LibraryNotFound(NVMLError):  # noqa: N801 - the library's name
    """There is no driver."""


class NVMLError_DriverNotLoaded(NVMLError):  # noqa: N801 - the library's name
    """The driver is not there."""


def nvmlInit() -> None:
    """Begin."""


def nvmlShutdown() -> None:
    """End."""


def nvmlSystemGetCudaDriverVersion() -> int:
    return 13010


def nvmlSystemGetDriverVersion() -> str:
    return "590.44.01"


def nvmlDeviceGetCount() -> int:
    return 1


def nvmlDeviceGetHandleByIndex(index: int) -> int:
    return index


def nvmlDeviceGetMemoryInfo(_handle: int) -> SimpleNamespace:
    return SimpleNamespace(total=80 * GIB, free=79 * GIB)


def nvmlDeviceGetCudaComputeCapability(_handle: int) -> tuple[int, int]:
    return (9, 0)


def nvmlDeviceGetUUID(_handle: int) -> str:
    return "GPU-aa"


def nvmlDeviceGetName(_handle: int) -> str:
    return "NVIDIA H100 80GB HBM3"


def nvmlDeviceGetMigMode(_handle: int) -> list[int]:
    raise NVMLError("Not Supported")


def nvmlDeviceGetMaxMigDeviceCount(_handle: int) -> int:
    raise NVMLError("Not Supported")


def nvmlDeviceGetComputeRunningProcesses(_handle: int) -> list[SimpleNamespace]:
    return []
