"""Where lines go: one stream, whole lines, and no error of whoever reads them reaches whoever writes them."""

import threading
from typing import TextIO

import structlog
from attrs import define, field


@define(eq=False)
class Sink:
    """A logger for structlog that writes lines, from any thread.

    A line that cannot be written is lost: the log's reader is gone, or its disk is full, and clients are served all the
    same. Once lines go through again, `log.lines_lost` says how many there were.
    """

    stream: TextIO
    _lost: int = 0
    # Reentrant: a collection in the middle of a line may end something that has something to say.
    _lock: threading.RLock = field(factory=threading.RLock, init=False)

    def write(self, line: str) -> None:
        """Write one line."""
        with self._lock:
            try:
                self.stream.write(f"{line}\n")
                self.stream.flush()
            except (OSError, ValueError):  # ValueError: the stream is closed
                self._lost += 1
                return
            lost, self._lost = self._lost, 0
        if lost:
            structlog.get_logger().warning("log.lines_lost", lines=lost)

    # What structlog calls, by level.
    debug = info = warning = error = critical = exception = write


__all__ = ["Sink"]
