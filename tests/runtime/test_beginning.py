"""How programs begin: without streams, interrupted while they import, run by an interpreter that is too old."""

import ast
import os
import signal
import socket
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.e2e.program import ROOT, START_S, scripted
from tests.tooling.keeper.launched import eventually

WITHOUT_STREAMS = 'exec "$0" -m "$@" <&- >&- 2>&-'
# All that is imported before `tooling.setup` looks at the interpreter's version.
BEFORE_THE_VERSION = (
    "runtime/__init__.py",
    "runtime/streams.py",
    "tooling/__init__.py",
    "tooling/setup/__init__.py",
    "tooling/setup/__main__.py",
    "tooling/setup/interpreter.py",
)


def environment(**more: str) -> dict[str, str]:
    """Of a server with the scripted engine."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}  # noqa: TID251 - a child's
    common = {"TEXT_API_KEY": "k", "MAX_CONCURRENT_CONNECTIONS": "4", "SERVER_BIND_HOST": "127.0.0.1"}
    return {**inherited, "HF_HUB_OFFLINE": "1", **common, **scripted(), **more}


def is_ready(port: int) -> bool:
    """Whether a server says so there."""
    asking = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        asking.request("GET", "/readyz")
        return asking.getresponse().status == 200
    except OSError:
        return False
    finally:
        asking.close()


def test_a_server_without_streams_serves_and_drains() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["sh", "-c", WITHOUT_STREAMS, sys.executable, "runtime"]
    with subprocess.Popen(words, cwd=ROOT, env=environment(SERVER_PORT=str(port))) as server:
        try:
            eventually(lambda: is_ready(port), "ready", START_S)
            streams = [os.readlink(f"/proc/{server.pid}/fd/{number}") for number in range(3)]
            assert streams == [os.devnull] * 3
            server.send_signal(signal.SIGTERM)
            assert server.wait(START_S) == 0
        finally:
            server.kill()


def test_a_command_without_streams_does_its_work() -> None:
    words = ["sh", "-c", WITHOUT_STREAMS, sys.executable, "tooling.settings"]
    assert subprocess.run(words, cwd=ROOT, env=environment(), check=False, timeout=START_S).returncode == 0


def test_ctrl_c_while_the_server_imports_leaves_no_traceback() -> None:
    words = [sys.executable, "-X", "importtime", "-m", "runtime"]  # which tells of each import as it is done
    with subprocess.Popen(words, cwd=ROOT, env=environment(), stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        assert any(line.endswith("structlog\n") for line in server.stderr)
        server.send_signal(signal.SIGINT)
        assert "Traceback" not in server.stderr.read()
    assert server.returncode == -signal.SIGINT


@pytest.mark.parametrize("path", BEFORE_THE_VERSION)
def test_old_interpreters_can_read_what_comes_before_their_refusal(path: str) -> None:
    """Syntax of Python 3.7, and no annotation that it would have to evaluate and cannot."""
    tree = ast.parse(Path(ROOT, path).read_text("utf-8"), feature_version=(3, 7))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    arguments = [argument.annotation for function in functions for argument in function.args.args]
    for annotation in (*arguments, *(function.returns for function in functions)):
        assert annotation is None or isinstance(annotation, ast.Constant | ast.Name)
