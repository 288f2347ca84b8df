"""Starts that fail: one line that says why, status 1 or 3, and never a traceback."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.program import ROOT, Program, scripted
from tests.toy import toy_directory

HIDDEN = "not-for-a-log"
STRANGE = f"""class Strange:
    def __getattr__(self, name):
        held = {HIDDEN!r}
        raise KeyError("its own words")
class AutoTokenizer:
    from_pretrained = staticmethod(lambda *_, **options: Strange())
"""
VARIANTS = {
    "hub-client-too-new": (
        "raise ImportError('huggingface-hub>=0.34.0,<1.0 is required for this module, but found 1.3.0.\\nTry: pip')",
        "transformers cannot be imported: ImportError: huggingface-hub>=0.34.0,<1.0 is required",
    ),
    "torchvision-of-another-torch": (
        "def __getattr__(name):\n"
        "    try:\n"
        "        raise RuntimeError('operator torchvision::nms does not exist')\n"
        "    except RuntimeError as error:\n"
        "        raise ModuleNotFoundError('Could not import module AutoTokenizer') from error",
        "Could not import module AutoTokenizer <- RuntimeError: operator torchvision::nms does not exist",
    ),
    "name-that-moved": (
        "import os\nos.no_such_name",
        "transformers cannot be imported: AttributeError: module 'os' has no attribute 'no_such_name'",
    ),
    "not-installed": (
        "raise ModuleNotFoundError('No module named transformers', name='transformers')",
        "transformers is not installed: install it",
    ),
}


def _broken(directory: Path, package: str, code: str) -> str:
    (directory / package).mkdir()
    (directory / package / "__init__.py").write_text(code, encoding="utf-8")
    return str(directory)


def _fails(environment: dict[str, str], status: int = 1) -> tuple[list[str], str]:
    """What it said went wrong, and everything that it printed."""
    program = Program(environment)
    try:
        assert program.wait_gone(60) == status
    finally:
        program.bury()
    told = [record["error"] for record in program.records() if record["event"] == "server.failed"]
    return told, "".join(program.lines)


@pytest.mark.parametrize(("code", "sentence"), VARIANTS.values(), ids=VARIANTS)
def test_a_library_that_cannot_be_imported_is_one_sentence(code: str, sentence: str, tmp_path: Path) -> None:
    (told,), everything = _fails(scripted(PYTHONPATH=_broken(tmp_path, "transformers", code)))
    assert sentence in told
    assert "\n" not in told
    assert "Traceback" not in everything


@pytest.mark.parametrize(
    ("package", "named", "environment"),
    [
        ("torch", "PyTorch", {"DEPLOY_MODE": "tool", "TOOL_MODEL": "anything"}),
        ("transformers", "transformers", {"DEPLOY_MODE": "tool", "TOOL_MODEL": "anything"}),
        ("vllm", "vLLM", {"INFERENCE_ENGINE": "vllm"}),
        ("tensorrt_llm", "TensorRT-LLM", {"INFERENCE_ENGINE": "trt"}),
    ],
    ids=["torch", "transformers", "vllm", "tensorrt-llm"],
)
def test_whichever_library_it_is_it_is_named(
    package: str, named: str, environment: dict[str, str], tmp_path: Path
) -> None:
    path = _broken(tmp_path, package, "raise OSError('libcudart.so.99: cannot open shared object file')")
    (told,), everything = _fails({"CHAT_MODEL": str(toy_directory()), "PYTHONPATH": path, **environment})
    assert told.startswith(named)
    assert "cannot be imported: OSError: libcudart.so.99" in told
    assert "Traceback" not in everything


@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
def test_what_nobody_foresaw_is_told_by_its_kind_and_place_and_shows_no_values(level: str, tmp_path: Path) -> None:
    path = _broken(tmp_path, "transformers", STRANGE)
    (tmp_path / "transformers" / "utils.py").write_text("def cached_file(*_, **options): return None", encoding="utf-8")
    (told,), everything = _fails(scripted(PYTHONPATH=path, APP_LOG_LEVEL=level))
    assert told == f"unforeseen: KeyError at {tmp_path.name}/transformers/__init__.py:4"
    assert HIDDEN not in everything
    assert "Traceback" not in everything
    assert "its own words" not in everything, "whose words are they?"
    assert ("server.failed_at" in everything) == (level == "DEBUG")


def _limited(soft: int, hard: int, connections: int) -> subprocess.Popen[str]:
    code = (
        f"import os, resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}));"
        "os.execv(sys.executable, [sys.executable, '-m', 'runtime'])"
    )
    environment = {
        **scripted(),
        "MAX_CONCURRENT_CONNECTIONS": str(connections),
        "TEXT_API_KEY": "k-1",
        "SERVER_BIND_HOST": "127.0.0.1",
        "SERVER_PORT": "0",
        "APP_LOG_FORMAT": "json",
    }
    command = [sys.executable, "-c", code]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)


def test_connections_that_the_limit_of_open_files_cannot_hold_are_refused_at_the_start() -> None:
    with _limited(64, 512, 1000) as server:
        assert server.stderr is not None
        report = server.stderr.read()
        assert server.wait(30) == 3
    assert report.startswith("settings: 1 problem\n  MAX_CONCURRENT_CONNECTIONS: 1000 connections and ")
    assert "need 1128 open files, the limit is 512; raise it (ulimit -n 1384), or lower" in report


def test_the_soft_limit_of_open_files_becomes_the_hard_one_and_a_tight_one_is_warned_of() -> None:
    with _limited(64, 512, 200) as server:
        assert server.stderr is not None
        try:
            lines = iter(server.stderr.readline, "")
            assert "the limit of open files is 512: 200 connections, 256 newcomers" in next(lines)
            assert any("server.ready" in line for line in lines)
            assert resource.prlimit(server.pid, resource.RLIMIT_NOFILE) == (512, 512)
        finally:
            server.terminate()
            server.stderr.close()
