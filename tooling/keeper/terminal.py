"""The terminal of a server in the foreground: slow, stopped or closed, it never holds the server up."""

import os
import select
import threading
from collections import deque

from attrs import define, field

BUFFER_BYTES = 4 << 20
LAST_WORDS_S = 2.0


@define(eq=False)
class Terminal:
    """Shows bytes on a descriptor from a thread of its own; what it does not take in time is left out, and said so.

    Until `start` is called everything is written at once, and whoever writes waits.
    """

    _file: int
    _waiting: deque[bytes] = field(factory=deque, init=False)
    _size: int = field(default=0, init=False)
    _skipped: int = field(default=0, init=False)
    _broken: bool = field(default=False, init=False)
    _closing: bool = field(default=False, init=False)
    _more: threading.Condition = field(factory=threading.Condition, init=False)
    _thread: threading.Thread | None = field(default=None, init=False)

    @classmethod
    def of(cls, descriptor: int) -> "Terminal | None":
        """What a descriptor leads to; None where it is closed."""
        try:
            return cls(os.dup(descriptor))
        except OSError:
            return None

    @property
    def is_a_terminal(self) -> bool:
        """Whether people read it."""
        return os.isatty(self._file)

    def start(self) -> None:
        """From now on nobody waits for it."""
        self._thread = threading.Thread(target=self._show, daemon=True)
        self._thread.start()

    def write(self, data: bytes) -> None:
        """Show it, at once or as soon as what came before is shown."""
        if self._thread is None:
            self._put(data)
            return
        with self._more:
            if self._broken:
                return
            if self._size + len(data) > BUFFER_BYTES:
                self._skipped += max(1, data.count(b"\n"))
                return
            if self._skipped:
                said = f"\n... {self._skipped} lines are in the log only: this terminal did not take them\n".encode()
                self._waiting.append(said)
                self._size += len(said)
                self._skipped = 0
            self._waiting.append(data)
            self._size += len(data)
            self._more.notify()

    def close(self) -> None:
        """Show what is left, if it takes it."""
        if self._thread is not None:
            with self._more:
                self._closing = True
                self._more.notify()
            self._thread.join(LAST_WORDS_S)
            self._thread = None

    def leave(self) -> None:
        """Let go of it: another process may wait for its end."""
        os.close(self._file)
        self._broken = True

    def _show(self) -> None:
        while True:
            with self._more:
                while not self._waiting:
                    if self._closing:
                        return
                    self._more.wait()
                data = b"".join(self._waiting)
                self._waiting.clear()
            self._put(data)
            with self._more:
                self._size -= len(data)

    def _put(self, data: bytes) -> None:
        left = memoryview(data)
        while left and not self._broken:
            try:
                left = left[os.write(self._file, left) :]
            except BlockingIOError:  # another program that shares it made it so
                ready = select.poll()
                ready.register(self._file, select.POLLOUT)
                ready.poll()
            except OSError:
                self._broken = True  # it was closed, and the log has everything


__all__ = ["Terminal"]
