"""The doors of the engines' adapters: what is foreign outside comes in as an engine's error, in one sentence."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from engines.base import Engine
from engines.errors import EngineDead, EngineError, EngineStartFailed, TurnFailed, chain, door, told
from engines.trt import TrtConfig, TrtEngine
from engines.vllm import VllmConfig, VllmEngine
from tests.descriptors import no_descriptor_left
from tests.engines.trt.library import standing_in
from tests.engines.vllm import lookalike

WORDS = "somebody's words"


def _vllm(directory: Path) -> Engine:
    return VllmEngine(VllmConfig(model="org/name", max_model_len=400, max_num_seqs=4))


def _trt(directory: Path) -> Engine:
    return TrtEngine(TrtConfig(model=str(directory), max_model_len=512, max_output_len=64, batch_size=2))


@pytest.mark.parametrize("make", [_vllm, _trt], ids=["vllm", "trt"])
async def test_an_engine_that_finds_no_descriptor_did_not_start_and_closes_behind_itself(
    make: Callable[[Path], Engine], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lookalike.install(monkeypatch)
    with standing_in(), trio.fail_after(30):
        engine = make(tmp_path)
        with no_descriptor_left():
            with pytest.raises(
                EngineStartFailed,
                match=r"^nobody can look after .* processes: OSError: \[Errno 24\] Too many open files",
            ):
                await engine.open(lambda _: None, lambda _: None)
            await engine.close()


@pytest.mark.parametrize("lacks", ["__version__", "attention_config"])
async def test_a_library_of_another_shape_did_not_start(lacks: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lookalike.install(monkeypatch)
    if lacks == "__version__":
        monkeypatch.delattr(sys.modules["vllm.version"], lacks)
    else:
        settle = lookalike.AsyncEngineArgs.create_engine_config

        def settled(*arguments: Any) -> Any:
            made = settle(*arguments)
            delattr(made, lacks)
            return made

        monkeypatch.setattr(lookalike.AsyncEngineArgs, "create_engine_config", settled)
    engine = VllmEngine(VllmConfig(model="org/name", max_model_len=400, max_num_seqs=4))
    with trio.fail_after(30), pytest.raises(EngineStartFailed, match=r"^vLLM .*AttributeError"):
        await engine.open(lambda _: None, lambda _: None)


async def test_a_library_that_cannot_be_asked_any_more_is_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    lookalike.install(monkeypatch)
    engine = VllmEngine(VllmConfig(model="org/name", max_model_len=400, max_num_seqs=4))
    with trio.fail_after(30):
        await engine.open(lambda _: None, lambda _: None)
        monkeypatch.delattr(lookalike.AsyncLLM, "errored")
        with pytest.raises(EngineDead, match="vLLM cannot be watched: AttributeError"):
            await engine.watch()
        await engine.close()


def _caught(error: Exception) -> Exception:
    try:
        raise error
    except Exception as raised:
        return raised


def test_an_engines_error_goes_through_its_door_as_it_is() -> None:
    with pytest.raises(TurnFailed, match=r"^ours$"), door(EngineDead, "what"):
        raise TurnFailed("ours")
    foreign = KeyError("x")
    foreign.__cause__ = OSError("y")
    with pytest.raises(EngineDead, match=r"^what: KeyError: 'x' <- OSError: y$"), door(EngineDead, "what"):
        raise foreign


def test_a_chain_is_short_and_goes_through_groups() -> None:
    error: Exception = OSError("the root")
    for number in range(20):
        outer = RuntimeError(f"number {number}\nand more")
        outer.__cause__ = error
        error = ExceptionGroup("a nursery", [outer])
    assert chain(error).count(" <- ") == 3
    assert "\n" not in chain(error)


@pytest.mark.parametrize(
    "wrap", [lambda error: error, lambda error: ExceptionGroup("a", [ExceptionGroup("b", [error])])]
)
def test_of_what_is_foreign_a_log_learns_kind_and_place_only(wrap: Callable[[Exception], Any]) -> None:
    assert told(wrap(EngineError("ours"))) == "ours"
    assert told(wrap(OSError(24, "Too many open files"))) == "OSError: [Errno 24] Too many open files"
    foreign = wrap(_caught(ValueError(WORDS)))
    assert told(foreign).startswith("unforeseen: ValueError at tests/engines/test_doors.py:")
    assert WORDS not in told(foreign)
