"""Whatever ends it, and whenever: nothing half made is taken for whole, and its worker goes with it."""

import signal
from pathlib import Path

import pytest

from engines import processes
from tests.e2e.program import assert_gone
from tests.parts.quant.conftest import PATIENCE_S, Quantizer
from tooling import cache

pytestmark = pytest.mark.engine

AT = {"loading": "loading ", "quantising": "quantising 14 layers", "checking": "perplexity of the export ..."}


@pytest.mark.parametrize(
    ("at", "number", "code"),
    [
        ("loading", signal.SIGINT, 130),
        ("quantising", signal.SIGTERM, 143),
        ("checking", signal.SIGKILL, -signal.SIGKILL),
    ],
)
def test_nothing_half_made_is_taken_for_whole(
    at: str, number: signal.Signals, code: int, *, toy: Path, tmp_path: Path
) -> None:
    quantizer = Quantizer(tmp_path / "home")
    process = quantizer.start("4bit", "--no-calibration", str(toy))
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if line.startswith(AT[at]):
            break
    else:
        raise AssertionError(said)
    family = processes.descendants(process.pid)
    process.send_signal(number)
    _, rest = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == code, said + rest
    assert_gone(family)
    left = list((tmp_path / "home" / "quant").iterdir())
    if number is signal.SIGKILL:  # nobody was left to tidy up: the next one does
        assert [".partial-" in path.name for path in left] == [True]
        assert not any(cache.is_complete(path) for path in left)
        assert cache.sweep(tmp_path / "home" / "quant", tmp_path / "home") == left
    else:
        assert left == []
