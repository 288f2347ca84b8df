"""A worker's process: heard line by line while it lives, and ended with all that it started, whatever ends us."""

import contextlib
import ctypes
import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence

from attrs import frozen

QUIET_S = 0.25
"""How long nothing may be heard before a look is taken whether the worker still lives."""
LAST_WORDS_S = 1.0
"""How long the pipe of a worker that has ended is still read; what it left running may hold it open, and write."""
GRACE_S = 10.0
"""What a worker gets between being asked to end and being ended."""
LONGEST_LINE = 4096
"""Of a longer line, in bytes, the end is kept: what a worker prints without ever ending a line must not fill us up."""
PR_SET_PDEATHSIG = 1  # linux/prctl.h
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[@-Z\\-_]")
_ENDS = re.compile(rb"[\r\n]")


@frozen
class Line:
    """What a worker printed. `is_progress`: it ended in a carriage return, so that the next one takes its place."""

    text: str
    is_progress: bool = False


@contextlib.contextmanager
def running(command: Sequence[str], environ: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A worker in a process group of its own, ended on the way out, and killed if we are.

    What would end us waits for the moment in which the worker is known, or it would be left alone. Raises `OSError`
    where it cannot be started.
    """
    die_with_us = ctypes.CDLL(None).prctl
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)

    def prepare() -> None:
        die_with_us(PR_SET_PDEATHSIG, int(signal.SIGKILL))
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

    try:
        worker = subprocess.Popen(
            list(command),
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,
            preexec_fn=prepare,  # noqa: PLW1509  # this process has one thread
        )
    except BaseException:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        raise
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        yield worker
    finally:
        end(worker)


def listen(worker: subprocess.Popen[bytes]) -> Iterator[Line | None]:
    """Every line until the worker has ended; None whenever it was silent for a moment.

    It is the worker that counts, not its pipe: a process that it leaves behind may hold that open for ever.
    """
    assert worker.stdout is not None
    pending = b""
    deadline: float | None = None
    while deadline is None or time.monotonic() < deadline:
        if not select.select([worker.stdout], [], [], 0 if deadline else QUIET_S)[0]:
            if deadline:
                break
            yield None
        else:
            block = os.read(worker.stdout.fileno(), 65536)
            if not block and worker.poll() is not None:
                break
            if not block:  # it closed its output and works on
                with contextlib.suppress(subprocess.TimeoutExpired):
                    worker.wait(QUIET_S)
                yield None
            lines, pending = _split(pending + block)
            yield from lines
        if deadline is None and worker.poll() is not None:
            deadline = time.monotonic() + LAST_WORDS_S
    if pending:
        yield _line(pending, is_progress=pending.endswith(b"\r"))


def end(worker: subprocess.Popen[bytes]) -> None:
    """End the worker, politely at first, and what is left of its group; a second interruption is the end at once."""
    try:
        if worker.poll() is None:
            _signal(worker, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                worker.wait(GRACE_S)
    finally:
        _signal(worker, signal.SIGKILL)
        worker.wait()
        if worker.stdout is not None:
            worker.stdout.close()


def _signal(worker: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(worker.pid, number)


def _split(data: bytes) -> tuple[list[Line], bytes]:
    lines: list[Line] = []
    begin = 0
    for match in _ENDS.finditer(data):
        end_, is_return = match.start(), match[0] == b"\r"
        if is_return and end_ + 1 == len(data):
            break  # a line feed may follow, and then it was a whole line
        is_whole = is_return and data[end_ + 1 : end_ + 2] == b"\n"
        if end_ > begin:
            lines.append(_line(data[begin:end_], is_progress=is_return and not is_whole))
        begin = end_ + 1
    return lines, data[begin:][-LONGEST_LINE:]


def _line(data: bytes, *, is_progress: bool) -> Line:
    text = _ESCAPES.sub("", data[-LONGEST_LINE:].decode("utf-8", "replace"))
    return Line("".join(char if char.isprintable() else " " for char in text).rstrip(), is_progress)


__all__ = ["GRACE_S", "Line", "listen", "running"]
