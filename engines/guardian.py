"""The server's end of the guardian's pipe (the guardian itself: `engines.processes`)."""

import errno
import secrets
import subprocess
import sys
from collections.abc import Iterable, MutableMapping
from contextlib import suppress

import structlog
import trio

from engines import processes
from engines.patience import comes_true
from engines.processes import Process

# Every process of ours gets its own value; the guardian knows the engine's processes by it.
MARK = "INFERENCE_ENGINE_MARK"

# A guardian that was told farewell ends within milliseconds; past this it is killed.
_FAREWELL_S = 2.0
# One that was not has to end others first; past this it is left to it. Seconds.
_WORK_S = processes.PERSEVERANCE_S + 2.0

log = structlog.get_logger()


def put_mark(environ: MutableMapping[str, str]) -> str:
    """Mark an environment that the engine's processes will inherit; returns the entry, `NAME=value`."""
    environ[MARK] = secrets.token_hex(8)
    return f"{MARK}={environ[MARK]}"


class Guardian:
    """Sees to it that no engine process outlives the server.

    `mark`: an environment entry `NAME=value` that every child of the server inherits, or empty.
    """

    def __init__(self, mark: str = "") -> None:
        self._mark = mark
        self._process: subprocess.Popen[str] | None = None
        self._recorded: set[Process] = set()
        self._is_missed = False

    @property
    def pid(self) -> int | None:
        """The guardian's pid while it runs."""
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Start the guardian process. Raises OSError if that is not possible."""
        try:
            self._process = await trio.to_thread.run_sync(self._spawn)
        except RuntimeError as error:  # CPython's word for a thread that the system refuses
            raise OSError(errno.EAGAIN, str(error)) from error

    def record(self, found: Iterable[Process]) -> None:
        """Put processes under its watch; those already known are not sent again."""
        new = [process for process in found if process not in self._recorded]
        self._recorded.update(new)
        if self._process is not None:
            _say(self._process, "".join(f"+{process.pid} {process.ticks}\n" for process in new))

    async def ensure(self) -> None:
        """Start it again if it died: the engine is never without one for long. Tries again every time it is called."""
        if self._process is None or self._process.poll() is None:
            return
        dead = self._process
        try:
            await self.start()
        except OSError as error:
            if not self._is_missed:
                log.warning("engine.unguarded", error=str(error))
            self._is_missed = True
            return
        self._is_missed = False
        _close(dead)
        recorded, self._recorded = self._recorded, set()
        self.record(recorded)

    async def dismiss(self, *, proven: bool) -> bool:
        """Let it go; whether nobody is left. Idempotent, bounded in time.

        `proven`: the engine's processes were looked for and are ended. If not, its pipe closes without a farewell, and
        it ends them itself; it is waited for, and left to it if that takes long.
        """
        if not proven:
            await self.ensure()
        process, self._process = self._process, None
        if process is None:
            return True
        if proven:
            _say(process, f"{processes.FAREWELL}\n")
        _close(process)
        if not proven:
            return await _has_ended(process, _WORK_S) and process.returncode == 0
        if not await _has_ended(process, _FAREWELL_S):
            process.kill()
            await _has_ended(process, _FAREWELL_S)
        return True

    def _spawn(self) -> "subprocess.Popen[str]":
        # By path and without site: this process imports six modules of the standard library and is up in 20 ms.
        return subprocess.Popen(
            [sys.executable, "-I", "-S", processes.__file__, self._mark],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            text=True,
        )


def _say(process: "subprocess.Popen[str]", text: str) -> None:
    assert process.stdin is not None
    # It may be dead; `Guardian.ensure` starts another one and records everything again.
    with suppress(OSError):
        process.stdin.write(text)
        process.stdin.flush()


def _close(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    with suppress(OSError):
        process.stdin.close()


async def _has_ended(process: "subprocess.Popen[str]", within_s: float) -> bool:
    return await comes_true(lambda: process.poll() is not None, within_s)


__all__ = ["MARK", "Guardian", "put_mark"]
