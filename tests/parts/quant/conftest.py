"""Real models, and one home for what is made of them."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from attrs import frozen

from tooling.demo import chat, smollm2
from tooling.quantize.environment import PYTHON, ROOT, WORKER_ENVIRON

PATIENCE_S = 400.0


def demo_home() -> Path:
    """Where `just demo` puts its models too."""
    return Path(os.environ.get("YAP_HOME", "~/.cache/yap")).expanduser()  # noqa: TID251 - shared with `just demo`


@pytest.fixture(scope="session")
def toy() -> Path:
    """The demo chat model, trained now where there is none yet (a minute or two)."""
    return chat.ensure(demo_home(), print)


@pytest.fixture(scope="session")
def small() -> Path:
    """SmolLM2, fetched now where it is not there yet."""
    return smollm2.ensure(demo_home(), print)


@frozen
class Quantizer:
    """`python -m tooling.quantize` with a home of its own and without a GPU."""

    home: Path

    def environ(self, more: Mapping[str, str]) -> dict[str, str]:
        """What it is started with."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}  # noqa: TID251 - a child
        return {**kept, "PYTHONPATH": str(ROOT), "YAP_HOME": str(self.home), "CUDA_VISIBLE_DEVICES": "", **more}

    def start(self, *words: str, **more: str) -> "subprocess.Popen[str]":
        """Begin; its lines come on stderr."""
        return subprocess.Popen(
            [sys.executable, "-m", "tooling.quantize", *words],
            env=self.environ(more),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def make(self, *words: str, **more: str) -> dict[str, object]:
        """Make it, and what it said as JSON."""
        process = self.start(*words, "--json", **more)
        out, error = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, error
        told = json.loads(out)
        assert isinstance(told, dict)
        return told


@pytest.fixture(scope="session")
def quantizer(tmp_path_factory: pytest.TempPathFactory) -> Quantizer:
    """One home for all of this."""
    return Quantizer(tmp_path_factory.mktemp("quant") / "home")


def asked_of(program: str, *places: Path) -> str:
    """The last line that one of the programs beside this prints, run in the environment that quantises."""
    environ = {**WORKER_ENVIRON, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"}
    done = subprocess.run(
        [str(PYTHON), "-m", f"tests.parts.quant.{program}", *map(str, places)],
        env=environ,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def spoken(*places: Path) -> list[list[list[int]]]:
    """What models say greedily, each loaded as anybody would load it."""
    said = json.loads(asked_of("speaking", *places))
    assert isinstance(said, list)
    return said


__all__ = ["PATIENCE_S", "Quantizer", "asked_of", "spoken"]
