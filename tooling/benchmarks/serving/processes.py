"""Starts a contender's process and waits until it serves; whatever happens, it and its children end."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import trio

from tooling.benchmarks.children import cpu_seconds, end_on_sigterm

START_TIMEOUT_S = 600.0
STOP_TIMEOUT_S = 40.0
RUST = "vllm-rs"
"""The name of its process."""


@contextmanager
def running(argv: Sequence[str], environ: Mapping[str, str], ready_url: str) -> Iterator[int]:
    """The pid of a server that answers 200 at `ready_url`; its output is shown if it does not come up."""
    end_on_sigterm()
    with tempfile.NamedTemporaryFile(prefix="contender-", suffix=".log") as log:
        process = subprocess.Popen(
            [sys.executable, *argv], env=dict(environ), stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            if not _wait(process, ready_url):
                raise SystemExit(f"{argv[1]} did not come up:\n{Path(log.name).read_text(errors='replace')[-4000:]}")
            yield process.pid
        finally:
            _end(process)


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def front_cpu_seconds(pid: int) -> float:
    """CPU time of a front end so far: of its process, and of vLLM's Rust front end where that is a child of it."""
    mine = Path(f"/proc/{pid}/task")
    children = {int(child) for task in mine.iterdir() for child in (task / "children").read_text("ascii").split()}
    rust = [child for child in children if Path(f"/proc/{child}/comm").read_text("ascii").startswith(RUST)]
    return cpu_seconds(pid) + sum(map(cpu_seconds, rust))


def _wait(process: subprocess.Popen[bytes], url: str) -> bool:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(url, timeout=2).status_code == httpx.codes.OK:
                return True
        except httpx.HTTPError:
            pass  # not listening yet
        trio.run(trio.sleep, 0.5)
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            print(f"{process.args!r} ignored SIGINT", file=sys.stderr)
    try:
        os.killpg(process.pid, signal.SIGKILL)  # our own group: the engine's children, should any be left
    except ProcessLookupError:
        return


__all__ = ["free_port", "front_cpu_seconds", "running"]
