"""Processes that a benchmark starts: up before they are measured, gone afterwards, and what CPU they took."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

START_TIMEOUT_S = 300.0
STOP_TIMEOUT_S = 20.0
CPU_CLOCK_OF_PROCESS = 2
"""Linux: the id of a process's CPU clock is its complemented pid over these three bits (clock_getcpuclockid(3))."""


def end_on_sigterm() -> None:
    """SIGTERM becomes an exception from now on, so that whoever is told to end takes the processes it started along."""

    def end(number: int, _frame: FrameType | None) -> NoReturn:
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, end)


@contextmanager
def child(
    arguments: Sequence[str], environ: Mapping[str, str], ready: Callable[[], bool], every_s: float = 0.02
) -> Iterator["subprocess.Popen[str]"]:
    """`python` with these arguments, once `ready` says so; its output is shown only if it does not come up."""
    end_on_sigterm()
    with tempfile.NamedTemporaryFile("w+", prefix="benchmark-", suffix=".log", errors="replace") as log:
        process = subprocess.Popen(
            [sys.executable, *arguments], env=dict(environ), stdout=log, stderr=log, text=True, start_new_session=True
        )
        try:
            if not _comes_up(process, ready, every_s):
                raise SystemExit(f"{' '.join(arguments)} did not come up:\n{Path(log.name).read_text()[-4000:]}")
            yield process
            if process.poll() not in (None, 0):
                raise SystemExit(f"{' '.join(arguments)} died:\n{Path(log.name).read_text()[-4000:]}")
        finally:
            _end(process)


def _comes_up(process: "subprocess.Popen[str]", ready: Callable[[], bool], every_s: float) -> bool:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if ready():
            return True
        with suppress(subprocess.TimeoutExpired):
            process.wait(every_s)
            return False
    return False


def _end(process: "subprocess.Popen[str]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_TIMEOUT_S)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # its own group, and what may be left of it
    process.wait()


def listens(port: int) -> bool:
    """Whether somebody takes connections there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def answers(port: int, path: str) -> bool:
    """Whether `path` is answered with 200."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as asking:
            asking.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
            return asking.recv(64).startswith(b"HTTP/1.1 200 ")
    except OSError:
        return False


def cpu_seconds(pid: int) -> float:
    """CPU time of one process so far, all its threads, to the nanosecond (its children are not in it)."""
    return time.clock_gettime((~pid << 3) | CPU_CLOCK_OF_PROCESS)


__all__ = ["answers", "child", "cpu_seconds", "end_on_sigterm", "listens"]
