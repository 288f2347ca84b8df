"""A worker's process: heard line by line while it lives, and ended with all that it started, whatever ends us."""

import contextlib
import ctypes
import os
import re
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FrameType

from attrs import field, frozen

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
Handler = Callable[[int, FrameType | None], object]
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
    held = _Held.now()
    try:
        worker = subprocess.Popen(
            list(command),
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,
            preexec_fn=lambda: die_with_us(PR_SET_PDEATHSIG, int(signal.SIGKILL)),  # noqa: PLW1509  # one thread here
        )
    except BaseException:
        held.let_go()
        raise
    try:
        held.let_go()
        yield worker
    finally:
        end(worker)


@frozen
class _Held:
    """Signals that would end us, kept back. A mask would not do: another thread of a library's would take them, and
    the interpreter then interrupts this one all the same.
    """

    handlers: Mapping[int, Handler]
    came: list[int] = field(factory=list)

    @classmethod
    def now(cls) -> "_Held":
        """Begin. What has no handler of Python's ends us in any case, and the worker with us."""
        if threading.current_thread() is not threading.main_thread():
            return cls({})
        known = {number: signal.getsignal(number) for number in ENDS}
        held = cls({number: handler for number, handler in known.items() if callable(handler)})
        for number in held.handlers:
            signal.signal(number, lambda number, _frame: held.came.append(number))
        return held

    def let_go(self) -> None:
        """Everything as before; what came meanwhile comes now."""
        for number, handler in self.handlers.items():
            signal.signal(number, handler)
        for number in self.came:
            signal.raise_signal(number)


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
