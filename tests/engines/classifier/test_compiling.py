"""`TOOL_COMPILE`: the same answers, or eager mode and one sentence that says why."""

import logging
from pathlib import Path

import pytest
import torch
import trio

from engines.classifier import ClassifierConfig, ClassifierEngine, ClassifierInfo
from tests.engines.classifier.conftest import Maker

# Torch's compiler uses parts of torch that torch itself warns about.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")

TEXTS = ["what do you see", "one two three four five six", "a"]


class Heard(logging.Handler):
    """Keeps what reaches it."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record.getMessage())


async def classified(directory: Path, *, compiled: bool) -> tuple[ClassifierInfo, list[float]]:
    engine = ClassifierEngine(
        ClassifierConfig(model=str(directory), device="cpu", threads=1, batch_max_size=1, compile=compiled)
    )
    with trio.fail_after(300):
        try:
            info = await engine.open(lambda line: None)
            found = [*await engine.classify(TEXTS), *await engine.classify(TEXTS[:1])]
        finally:
            await engine.close()
    return info, found


async def test_a_compiled_model_says_the_same(make_model: Maker) -> None:
    directory = make_model("bert", num_hidden_layers=1)
    _, eager = await classified(directory, compiled=False)
    info, found = await classified(directory, compiled=True)
    assert info.warnings == ()
    assert info.facts["compiled"] is True
    assert found == pytest.approx(eager, abs=1e-4)


async def test_a_model_that_does_not_compile_runs_eager_with_one_warning(
    make_model: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Torch's compiler gives up at the first call, after pages of its own records."""

    def gives_up(*inputs: object, **named: object) -> object:
        compiler.critical("pages")
        raise RuntimeError("no such compiler\nand a traceback")

    directory = make_model("bert", num_hidden_layers=1)
    _, eager = await classified(directory, compiled=False)
    compiler, heard = logging.getLogger("torch._dynamo"), Heard()
    monkeypatch.setattr(compiler, "handlers", [*compiler.handlers, heard])
    monkeypatch.setattr(torch, "compile", lambda forward, **options: gives_up)
    info, found = await classified(directory, compiled=True)
    assert info.facts["compiled"] is False
    assert info.warnings == ("the tool model runs without TOOL_COMPILE: RuntimeError: no such compiler",)
    assert found == pytest.approx(eager, abs=1e-6)
    compiler.critical("again heard")
    assert heard.records == ["again heard"]
