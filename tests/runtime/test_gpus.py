"""GPUs by NVML: none is an answer, no answer is an error."""

import pynvml
import pytest

from engines.errors import EngineStartFailed
from runtime.gpus import visible_gpus


def _fails(monkeypatch: pytest.MonkeyPatch, code: int, call: str = "nvmlInit") -> None:
    def fail(*_: object) -> None:
        raise pynvml.NVMLError(code)

    for name in ("nvmlInit", "nvmlShutdown"):
        monkeypatch.setattr(pynvml, name, lambda: None)
    monkeypatch.setattr(pynvml, call, fail)


@pytest.mark.parametrize("code", [pynvml.NVML_ERROR_LIBRARY_NOT_FOUND, pynvml.NVML_ERROR_DRIVER_NOT_LOADED])
def test_without_a_driver_there_is_no_gpu(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    _fails(monkeypatch, code)
    assert visible_gpus({}) == ()


@pytest.mark.parametrize("call", ["nvmlInit", "nvmlDeviceGetCount"])
@pytest.mark.parametrize("code", [pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH, pynvml.NVML_ERROR_GPU_IS_LOST])
def test_a_driver_that_does_not_answer_ends_the_start(call: str, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    _fails(monkeypatch, code, call)
    with pytest.raises(EngineStartFailed, match=r"GPUs cannot be looked at: .*set CUDA_VISIBLE_DEVICES to nothing"):
        visible_gpus({})
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": " "}) == ()
