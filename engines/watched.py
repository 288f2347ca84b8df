"""A process that is kept in sight: its stat file stays open, so that looking needs no further descriptor.

A server whose descriptors run out cannot open anything in `/proc`. What was opened before can still be read, and shows
the same process for ever: a file of proc(5) that belongs to a process which was reaped says ESRCH, whoever has its pid.
"""

import contextlib
import os
import signal

from engines import processes
from engines.processes import Process, Stat


class Watched:
    """One living process, from now on. Making one raises OSError if the process is gone or cannot be seen."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self._file: int | None = os.open(processes.PROC / str(process.pid) / "stat", os.O_RDONLY | os.O_CLOEXEC)
        self._seen: Stat | None = None
        try:
            if self.stat() is None:
                raise ProcessLookupError(f"process {process.pid} is gone")
        except OSError:
            self.close()
            raise

    @property
    def is_gone(self) -> bool:
        """Whether it was seen to be gone. A look that fails says nothing."""
        return self.stat() is None

    @property
    def is_stopped(self) -> bool:
        """Whether it is stopped by a signal (SIGSTOP, SIGTSTP): it does nothing until somebody continues it."""
        seen = self.stat()
        return seen is not None and seen.is_stopped

    def stat(self) -> Stat | None:
        """What was seen of it last, which is now unless a look fails; None once it is gone."""
        if self._file is None:
            return None
        try:
            seen = processes.parse(os.pread(self._file, 4096, 0))
        except ProcessLookupError:
            self.close()
        except OSError:
            if self._seen is None:
                raise
        else:
            self._seen = seen
            if not seen.is_alive or seen.ticks != self.process.ticks:
                self.close()
        return None if self._file is None else self._seen

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, unless it is gone."""
        if not self.is_gone:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(self.process.pid, number)

    def close(self) -> None:
        """Look no more: it counts as gone. Idempotent."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


__all__ = ["Watched"]
