"""The server's end of the guardian's pipe (the guardian itself: `engines.processes`)."""

import secrets
import subprocess
import sys
from collections.abc import Iterable, MutableMapping

import trio

from engines import processes
from engines.processes import Process

# Every process of ours gets its own value; the guardian knows the engine's processes by it.
MARK = "INFERENCE_ENGINE_MARK"

# A guardian that was told farewell ends within milliseconds; past this it is killed.
_FAREWELL_S = 2.0


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

    @property
    def pid(self) -> int | None:
        """The guardian's pid while it runs."""
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Start the guardian process."""
        self._process = await trio.to_thread.run_sync(self._spawn)

    def record(self, found: Iterable[Process]) -> None:
        """Put processes under its watch; those already known are not sent again."""
        new = [process for process in found if process not in self._recorded]
        self._recorded.update(new)
        self._write("".join(f"+{process.pid} {process.ticks}\n" for process in new))

    async def ensure(self) -> None:
        """Start it again if it died: the engine is never without one for long."""
        if self._process is not None and self._process.poll() is not None:
            self._close_pipe()
            recorded, self._recorded = self._recorded, set()
            await self.start()
            self.record(recorded)

    async def dismiss(self) -> None:
        """Tell it that the engine's processes are ended, and end it. Idempotent."""
        if self._process is not None:
            self._write(f"{processes.FAREWELL}\n")
            await trio.to_thread.run_sync(self._bury, self._process)
            self._process = None

    def _spawn(self) -> "subprocess.Popen[str]":
        # By path and without site: this process imports six modules of the standard library and is up in 20 ms.
        return subprocess.Popen(
            [sys.executable, "-I", "-S", processes.__file__, self._mark],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            text=True,
        )

    def _write(self, text: str) -> None:
        if text and self._process is not None and self._process.stdin is not None:
            try:
                self._process.stdin.write(text)
                self._process.stdin.flush()
            except OSError:
                # It is dead; `ensure` starts another one and records everything again.
                return

    def _close_pipe(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            try:
                self._process.stdin.close()
            except OSError:
                return

    def _bury(self, process: "subprocess.Popen[str]") -> None:
        self._close_pipe()
        try:
            process.wait(_FAREWELL_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


__all__ = ["MARK", "Guardian", "put_mark"]
