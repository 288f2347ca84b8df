"""The commands as people run them, on the stand-in of TensorRT-LLM: real processes, interrupted at every step."""

import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from subprocess import PIPE, STDOUT
from typing import Any

import pytest
import trio

from tests.e2e.client import connected
from tests.e2e.watched import RAW
from tests.tooling.trt.machine import ROOT, machine, write_model
from tests.toy import write_toy_model

PATIENCE_S = 120.0


def start(environ: Mapping[str, str], *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tooling.trt", *words]
    return subprocess.Popen(command, cwd=ROOT, env=dict(environ), stdout=PIPE, stderr=PIPE, text=True)


def run(environ: Mapping[str, str], *words: str) -> tuple[int, str, str]:
    with start(environ, *words) as process:
        out, err = process.communicate(timeout=PATIENCE_S)
    return process.returncode, out, err


def entries(home: Path) -> list[str]:
    """What the cache holds, without keys."""
    return sorted(path.relative_to(home / "trt").as_posix().partition("-")[0] for path in home.glob("trt/*/*"))


def test_run_trt_makes_what_it_needs_and_serves_it_and_build_then_finds_it(tmp_path: Path) -> None:
    given = {"TRT_MAX_BATCH_SIZE": "16", "HF_TOKEN": "hf_very_secret", "TEXT_API_KEY": "k-1"}
    environ = machine(tmp_path / "machine") | given
    home, model = Path(environ["YAP_HOME"]), write_model(tmp_path / "mine")
    write_toy_model(model)
    words = [sys.executable, "-m", "tooling.run", "--trt", "4bit", str(model), "--port", "0"]
    said: list[str] = []
    with subprocess.Popen(words, cwd=tmp_path, env=environ, stdout=PIPE, stderr=STDOUT, text=True) as launch:
        assert launch.stdout is not None
        try:
            assert trio.run(told_a_story, ready(launch.stdout, said)) == "done"
            launch.send_signal(signal.SIGINT)
            said += launch.stdout
            assert launch.wait(PATIENCE_S) == 0, "".join(said)
        finally:
            launch.kill()
    assert entries(home) == ["checkpoints/mine", "engines/mine"]
    kept = [path.read_text(errors="replace") for path in home.rglob("*") if path.is_file()]
    assert not any("hf_very_secret" in text for text in (*said, *kept))
    del environ["TRT_MAX_BATCH_SIZE"]
    code, out, err = run(environ, "build", "4BIT", str(model))
    assert (code, err) == (0, "there is an engine (in the cache), nothing to build\n")
    assert f"next: just run-trt 4bit {model}" in out
    assert any(f"a compiled engine {(out.splitlines()[0].removeprefix('engine: '))}" for line in said)


async def told_a_story(port: int) -> str:
    """How a turn ended."""
    async with connected(port) as client:
        await client.start("r-1", "tell me a story", **RAW)
        return str((await client.rest())[-1]["type"])


def ready(lines: Iterable[str], said: list[str]) -> int:
    """The port of a launch that is ready."""
    for line in lines:
        said.append(line)
        if found := re.search(r"ready after .* at 127\.0\.0\.1:(\d+)", line):
            return int(found[1])
    raise AssertionError("".join(said))


@pytest.mark.parametrize(
    ("behaviour", "said", "number", "code"),
    [
        ({"waits": True}, "the quantiser waits", signal.SIGINT, 130),
        ({"builder": {"waits": True}}, "the builder waits", signal.SIGTERM, 143),
        ({"builder": {"waits": True}}, "the builder waits", signal.SIGKILL, -signal.SIGKILL),
    ],
)
def test_interrupted_at_a_step_nothing_half_made_counts(
    tmp_path: Path, behaviour: dict[str, Any], said: str, number: signal.Signals, code: int
) -> None:
    environ = machine(tmp_path / "machine") | {"TRT_MAX_BATCH_SIZE": "16"}
    home, model = Path(environ["YAP_HOME"]), write_model(tmp_path / "mine", behaviour)
    with start(environ, "build", "4bit", str(model)) as process:
        assert process.stderr is not None
        assert any(said in line for line in process.stderr)
        workers = [os.pidfd_open(pid) for pid in _alive_below(tmp_path) if pid != process.pid]
        process.send_signal(number)
        assert process.wait(PATIENCE_S) == code
    assert workers
    for worker in workers:  # each dies of its parent's death, one after the other
        assert select.select([worker], [], [], PATIENCE_S)[0]
        os.close(worker)
    checkpoints = [] if "waits" in behaviour else ["checkpoints/mine"]
    whole = [path for path in home.glob("trt/*/*") if ".partial-" not in path.name]
    assert [f"{path.parent.name}/mine" for path in whole] == checkpoints
    if number != signal.SIGKILL:
        assert not list(home.glob("trt/*/*.partial-*"))


def test_a_step_that_fails_shows_the_tools_last_words(tmp_path: Path) -> None:
    environ = machine(tmp_path / "machine")
    home, model = Path(environ["YAP_HOME"]), write_model(tmp_path / "mine", {"fails": "no SmoothQuant for this one"})
    code, out, err = run(environ, "quantize", "int8_sq", str(model))
    assert (code, out, entries(home)) == (1, "", [])
    assert "failed with exit code 1. Its last lines:" in err
    assert "    NotImplementedError: no SmoothQuant for this one\n    TensorRT-LLM could not make int8_sq" in err


def _alive_below(directory: Path) -> list[int]:
    """Processes that were started with this directory in their environment or words."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        if str(directory).encode() in words and process.name != str(os.getpid()):
            found.append(int(process.name))
    return found
