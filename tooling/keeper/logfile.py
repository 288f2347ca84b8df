"""The log of a launch: appended to, rotated at a line boundary, found again where others moved or emptied it."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

from attrs import define, field

from tooling.refusal import REFUSED, Refusal

FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
MODE = 0o644
LINE_MAX_BYTES = 1 << 20
"""What goes on for longer without an end is no line, and is cut where the file is full."""


class _Short(OSError):
    """Only `done` bytes could be written. `why`: in the system's words."""

    def __init__(self, done: int, why: str) -> None:
        super().__init__(why)
        self.done, self.why = done, why


@define(eq=False)
class LogFile:
    """Writes bytes as they come, whole lines to each file. No failure of the disk reaches whoever writes.

    `max_bytes`: a file that is longer is rotated to `.1`, `.2` ... of which `keep` stay. `tell`: gets one sentence when
    something begins to fail. What could not be written is counted, and the log says so once there is room again.
    """

    path: Path
    max_bytes: int
    keep: int
    tell: Callable[[str], None] = field(default=lambda _: None)
    _file: int = field(default=-1, init=False)
    _rotates: bool = field(default=True, init=False)
    _at_line_start: bool = field(default=True, init=False)
    _line_bytes: int = field(default=0, init=False)
    _lost: list[int] = field(factory=lambda: [0, 0], init=False)  # bytes, line ends among them
    _why: str = field(default="", init=False)
    _told: set[str] = field(factory=set, init=False)

    @classmethod
    def open(cls, path: Path, max_bytes: int, keep: int) -> "LogFile":
        """Begin to append. Raises `Refusal` where nothing can be written, or what is there is no file to rotate."""
        mend = "name another file with --log-file or YAP_LOG_FILE"
        log = cls(path, max_bytes, keep)
        try:
            # Never waits, not even for a reader of a FIFO.
            log._file = os.open(path, FLAGS | os.O_NONBLOCK, MODE)
        except OSError as error:
            raise Refusal(f"the log {path} cannot be written: {error.strerror or error}; {mend}", REFUSED) from None
        kind = os.fstat(log._file).st_mode
        if not (stat.S_ISREG(kind) or stat.S_ISCHR(kind)):
            os.close(log._file)
            raise Refusal(f"the log {path} is no ordinary file; {mend}", REFUSED)
        os.set_blocking(log._file, True)
        log._rotates = stat.S_ISREG(kind)  # never move /dev/null away
        log._at_line_start = not log._size() or log._ends_in_newline()
        return log

    def fileno(self) -> int:
        """The descriptor written to now."""
        return self._file

    def line(self, text: str) -> None:
        """Write one or more whole lines of our own."""
        self.write(b"" if self._at_line_start else b"\n")
        self.write(f"{text}\n".encode("utf-8", "backslashreplace"))

    def write(self, data: bytes) -> None:
        """Append. Never raises `OSError`."""
        while data:
            in_place = self._follow()
            cut = self._cut(data) if self._rotates else len(data)
            if cut:
                self._put(data[:cut])
                data = data[cut:]
            elif not in_place or not self._rotate():
                self._put(data)  # better too long a file than none
                return

    def close(self) -> None:
        """Nothing is written any more."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _cut(self, data: bytes) -> int:
        """How many of these bytes go to the present file: all, or up to the end of the line that fills it."""
        room = self.max_bytes - self._size()
        if room >= len(data):
            return len(data)
        if room <= 0 and (self._at_line_start or self._line_bytes > LINE_MAX_BYTES):
            return 0
        return data.find(b"\n", max(0, room - 1)) + 1 or len(data)

    def _put(self, data: bytes) -> None:
        if self._lost[0]:
            try:
                self._write_all(self._confession())
            except OSError:
                self._lose(data)
                return
            self._lost = [0, 0]
            self._told.clear()
        try:
            self._write_all(data)
        except _Short as short:
            self._lose(data[short.done :])
            self._why = short.why
            self._complain(f"the log {self.path} cannot be written ({short.why}); the server goes on")

    def _write_all(self, data: bytes) -> None:
        """Raises `_Short`, an `OSError`."""
        done = 0
        while done < len(data):
            try:
                done += os.write(self._file, data[done:])
            except OSError as error:
                self._note(data[:done])
                raise _Short(done, error.strerror or str(error)) from None
        self._note(data)

    def _note(self, written: bytes) -> None:
        if written:
            end = written.rfind(b"\n")
            self._line_bytes = len(written) - end - 1 + (self._line_bytes if end < 0 else 0)
            self._at_line_start = not self._line_bytes

    def _lose(self, data: bytes) -> None:
        self._lost[0] += len(data)
        self._lost[1] += data.count(b"\n")

    def _confession(self) -> bytes:
        bytes_lost, lines = self._lost
        begin = "" if self._at_line_start else "\n"
        return f"{begin}keeper: {lines} lines ({bytes_lost} bytes) could not be written here: {self._why}\n".encode()

    def _follow(self) -> bool:
        """Go on in the file that has the name now: logrotate may have moved ours away. False if that cannot be."""
        if not self._rotates:
            return True
        ours = os.fstat(self._file)
        try:
            named = self.path.stat()
            if (named.st_dev, named.st_ino) == (ours.st_dev, ours.st_ino):
                return True
        except OSError:
            pass  # it is made anew
        try:
            self._go_on_in(self._fresh(self.path))
        except OSError as error:
            self._complain(f"the log {self.path} is gone and cannot be made again ({error.strerror or error})")
            return False
        return True

    def _rotate(self) -> bool:
        # The new file first: where there is no room for one, nothing is moved.
        new = self.path.with_name(f"{self.path.name}.new")
        try:
            new.unlink(missing_ok=True)
            fresh = self._fresh(new)
            try:
                for number in range(self.keep - 1, 0, -1):
                    if (older := numbered(self.path, number)).exists():
                        older.replace(numbered(self.path, number + 1))
                self.path.replace(numbered(self.path, 1))
                new.replace(self.path)
            except OSError:
                os.close(fresh)
                new.unlink(missing_ok=True)
                raise
        except OSError as error:
            self._complain(f"the log {self.path} cannot be rotated ({error.strerror or error}); it grows")
            return False
        self._go_on_in(fresh)
        return True

    @staticmethod
    def _fresh(path: Path) -> int:
        """Open what goes on. Raises `OSError`."""
        descriptor = os.open(path, FLAGS | os.O_NONBLOCK, MODE)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError("no ordinary file has its name now")
        return descriptor

    def _go_on_in(self, fresh: int) -> None:
        os.close(self._file)
        self._file = fresh
        self._line_bytes, self._at_line_start = 0, not self._size() or self._ends_in_newline()

    def _complain(self, sentence: str) -> None:
        if sentence not in self._told:
            self._told.add(sentence)
            self.tell(sentence)

    def _size(self) -> int:
        return os.fstat(self._file).st_size

    def _ends_in_newline(self) -> bool:
        try:
            with self.path.open("rb") as file:
                file.seek(-1, os.SEEK_END)
                return file.read(1) == b"\n"
        except OSError:
            return False


def numbered(path: Path, number: int) -> Path:
    """The name of an older file: `server.log.1` was rotated last."""
    return path.with_name(f"{path.name}.{number}")


__all__ = ["LogFile", "numbered"]
