"""GPU rows: NVML is stood in for by a function of its signature, as no machine of the tests has a GPU."""

import threading
from collections.abc import Sequence

import pynvml
import pytest
import trio
from structlog.testing import capture_logs

from runtime.telemetry import catalogue as of
from runtime.telemetry.gpus import STALE_S, GpuReading, GpuReadings, ask

TWO = (GpuReading(0, 10, 90, 100, 50), GpuReading(1, 20, 80, 100, None))


class Memory:
    """What `nvmlDeviceGetMemoryInfo` returns."""

    def __init__(self, used: int, free: int, total: int) -> None:
        self.used, self.free, self.total = used, free, total


class Rates:
    """What `nvmlDeviceGetUtilizationRates` returns."""

    gpu = 37


def _nvml(monkeypatch: pytest.MonkeyPatch, lost: Sequence[int] = (), sliced: Sequence[int] = ()) -> None:
    def handle(index: int) -> int:
        if index in lost:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)
        return index

    def rates(index: int) -> Rates:
        if index in sliced:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return Rates()

    monkeypatch.setattr(pynvml, "nvmlInit", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlShutdown", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByIndex", handle)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetMemoryInfo", lambda index: Memory(10 + index, 90 - index, 100))
    monkeypatch.setattr(pynvml, "nvmlDeviceGetUtilizationRates", rates)


def test_each_device_says_what_its_memory_is(monkeypatch: pytest.MonkeyPatch) -> None:
    _nvml(monkeypatch)
    assert ask([0, 3]) == (GpuReading(0, 10, 90, 100, 37), GpuReading(3, 13, 87, 100, 37))


def test_a_device_that_fell_off_the_bus_is_a_missing_row(monkeypatch: pytest.MonkeyPatch) -> None:
    _nvml(monkeypatch, lost=[0])
    assert [reading.index for reading in ask([0, 1])] == [1]


def test_a_slice_of_a_gpu_has_memory_and_no_utilization(monkeypatch: pytest.MonkeyPatch) -> None:
    _nvml(monkeypatch, sliced=[1])
    assert ask([1])[0].utilization is None


def test_without_a_driver_there_is_nothing_and_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", fail)
    assert ask([0]) == ()


async def test_where_there_is_no_gpu_nothing_is_asked() -> None:
    readings = GpuReadings([])
    with trio.fail_after(1):
        await readings.run()
    assert list(readings.rows()) == []


async def test_rows_are_per_device_and_a_lost_one_is_told_once() -> None:
    answers = [TWO, TWO[:1], TWO[:1], TWO]
    readings = GpuReadings([0, 1], ask=lambda _indices: answers.pop(0))
    with capture_logs() as lines:
        await readings.look()
        rows = {(row.instrument, row.attributes): row.value for row in readings.rows()}
        for _ in range(3):
            await readings.look()
    assert rows[of.GPU_MEMORY_USED, ("1",)] == 20
    assert rows[of.GPU_UTILIZATION, ("0",)] == 50
    assert (of.GPU_UTILIZATION, ("1",)) not in rows
    assert [line["event"] for line in lines] == ["gpu.lost", "gpu.found_again"]


async def test_whatever_the_driver_raises_costs_rows_and_nothing_else() -> None:
    def broken(_indices: Sequence[int]) -> tuple[GpuReading, ...]:
        raise AttributeError("nvml")

    readings = GpuReadings([0], ask=broken)
    with capture_logs() as lines:
        await readings.look()
        await readings.look()
    assert list(readings.rows()) == []
    assert [line["event"] for line in lines] == ["gpu.unreadable", "gpu.lost"]


async def test_a_driver_that_hangs_is_told_once_and_keeps_one_thread() -> None:
    over, asked = threading.Event(), []

    def hangs(indices: Sequence[int]) -> tuple[GpuReading, ...]:
        asked.append(indices)
        over.wait()
        return TWO

    readings = GpuReadings([0, 1], ask=hangs)
    with capture_logs() as lines:
        for _ in range(3):
            await readings.look(patience_s=0.05)
        assert len(asked) == 1
        assert list(readings.rows()) == []
        over.set()
        await readings.look()
        assert list(readings.rows())
    assert [line["event"] for line in lines] == ["gpu.unreadable", "gpu.lost", "gpu.found_again"]


async def test_what_was_learnt_long_ago_is_not_shown() -> None:
    now = 1000.0
    readings = GpuReadings([0, 1], ask=lambda _indices: TWO, clock=lambda: now)
    await readings.look()
    assert list(readings.rows())
    now += STALE_S + 1
    assert list(readings.rows()) == []
