"""The time of one server process: its output, its end, whether it is ready, and the signals meant for it."""

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

from attrs import define, field

from tooling.keeper.group import signal_group
from tooling.keeper.happenings import Happenings
from tooling.keeper.probe import Probe

READ_BYTES = 1 << 18
PROBE_EVERY_S = 0.5
RETRY_S = 1.0
SECOND_AFTER_S = 5.0
"""A server that did not become ready in time has nothing to drain: it is told again this soon."""
KILL_AFTER_S = 5.0
"""Between the second signal, which ends a server at once, and the one that nothing can refuse."""


@define(eq=False)
class Watch:
    """Waits for one server without waiting for anything else. Everything happens in `until_it_ends`, but for `hear`.

    `port_from`: a descriptor from which its port comes, as a line, once it listens. `output`: every byte it prints.
    """

    server: subprocess.Popen[bytes]
    port_from: int
    host: str
    ready_timeout_s: float
    happenings: Happenings
    output: Callable[[bytes], None]
    is_ready: bool = field(default=False, init=False)
    is_late: bool = field(default=False, init=False)
    signals: int = field(default=0, init=False)
    """How many it was sent, ours included."""
    _handle: int = field(init=False)
    _told: bool = field(default=False, init=False)
    _port: int = field(default=0, init=False)
    _said: bytes = field(default=b"", init=False)
    _probe: Probe | None = field(default=None, init=False)
    _probe_at: float = field(default=0.0, init=False)
    _ready_by: float = field(default=0.0, init=False)
    _again_at: float | None = field(default=None, init=False)
    _kill_at: float | None = field(default=None, init=False)
    _selector: selectors.BaseSelector = field(factory=selectors.DefaultSelector, init=False)

    def __attrs_post_init__(self) -> None:
        self._handle = os.pidfd_open(self.server.pid)

    def hear(self, number: signal.Signals) -> None:
        """Pass one signal on, to the main process alone. A handler's: it may come between any two lines."""
        # Not by `Popen.send_signal`, which reaps a server that has just ended: its group's number would be free.
        with contextlib.suppress(OSError):
            signal.pidfd_send_signal(self._handle, number)
        self.signals += 1
        if self.signals > 1 and self._kill_at is None:
            self._kill_at = time.monotonic() + KILL_AFTER_S

    def until_it_ends(self) -> None:
        """Return when the main process has ended; it is not reaped, so that its group's number stays its own."""
        self._ready_by = time.monotonic() + self.ready_timeout_s
        assert self.server.stdout is not None
        pipe = self.server.stdout.fileno()
        os.set_blocking(pipe, False)
        try:
            with self._selector, _Wakeup() as wakeup:
                ended: list[bool] = []
                self._on(self._handle, lambda: ended.append(True))
                self._on(pipe, lambda: self._read(pipe))
                self._on(self.port_from, self._read_port)
                self._on(wakeup, lambda: _drain(wakeup))
                while not ended:
                    for key, _ in self._selector.select(self._until_due()):
                        key.data()
                    self._do_what_is_due(time.monotonic())
                self._end_probe()
        finally:
            handle, self._handle = self._handle, -1
            os.close(handle)
            os.close(self.port_from)

    def last_words(self, capacity: int) -> None:
        """Take what is left in the pipe, at most what it holds: an orphan that fled its group may write for ever."""
        assert self.server.stdout is not None
        pipe = self.server.stdout.fileno()
        while capacity > 0 and (data := _read(pipe)):
            self.output(data)
            capacity -= len(data)

    def _on(self, descriptor: Any, what: Callable[[], None]) -> None:
        self._selector.register(descriptor, selectors.EVENT_READ, what)

    def _read(self, pipe: int) -> None:
        data = _read(pipe)
        if data:
            self.output(data)
        elif data == b"":
            self._selector.unregister(pipe)  # it closed its output and lives on

    def _read_port(self) -> None:
        data = os.read(self.port_from, 64)
        self._said += data
        line, end, _ = self._said.partition(b"\n")
        if end and line.isdigit() and not self._port:
            self._port = int(line)
            self.happenings.listens(self._port)
        if not data:
            self._selector.unregister(self.port_from)

    def _until_due(self) -> float | None:
        times = [self._kill_at, self._again_at]
        now = time.monotonic()
        if not self.is_ready and not self._told:
            times.append(self._ready_by)
            if self._probe is not None:
                times.append(self._probe.deadline)
            elif self._port:
                times.append(self._probe_at)
        if self.happenings.owes():
            times.append(now + RETRY_S)
        due = [at for at in times if at is not None]
        return max(0.0, min(due) - now) if due else None

    def _do_what_is_due(self, now: float) -> None:
        if self.signals and not self._told:
            self._told = True
            self.happenings.asked()
        if self._kill_at is not None and now >= self._kill_at:
            self._kill_at = now + KILL_AFTER_S
            signal_group(self.server.pid, signal.SIGKILL)
        if self._again_at is not None and now >= self._again_at:
            self._again_at = None
            self.hear(signal.SIGTERM)
        if self.is_ready or self._told:
            self._end_probe()
            return
        if now >= self._ready_by:
            self.is_late = True
            self.happenings.late()
            self._again_at = now + SECOND_AFTER_S
            self.hear(signal.SIGTERM)
        elif self._port:
            self._see_to_probe(now)

    def _see_to_probe(self, now: float) -> None:
        if self._probe is None and now >= self._probe_at:
            self._probe_at = now + PROBE_EVERY_S
            self._probe = Probe.begin(self.host, self._port, now)
            if self._probe is not None:
                self._selector.register(self._probe.sock, selectors.EVENT_WRITE, self._step)
        elif self._probe is not None and now >= self._probe.deadline:
            self._end_probe()

    def _step(self) -> None:
        probe = self._probe
        assert probe is not None
        if probe.step():
            self._end_probe()
            is_ready, progress = probe.verdict()
            if is_ready:
                self.is_ready = True
                self.happenings.ready()
            elif progress:
                self.happenings.at(progress)
        elif not probe.wants_to_write:
            self._selector.modify(probe.sock, selectors.EVENT_READ, self._step)

    def _end_probe(self) -> None:
        if self._probe is not None:
            self._selector.unregister(self._probe.sock)
            self._probe.close()
            self._probe = None


class _Wakeup:
    """A descriptor that is readable after a signal: a handler alone does not end a wait."""

    def __enter__(self) -> int:
        self._out, self._in = os.pipe()
        for end in (self._out, self._in):
            os.set_blocking(end, False)
        self._before = signal.set_wakeup_fd(self._in, warn_on_full_buffer=False)
        return self._out

    def __exit__(self, *raised: object) -> None:
        signal.set_wakeup_fd(self._before)
        os.close(self._in)
        os.close(self._out)


def _read(pipe: int) -> bytes | None:
    """What is there: None if nothing is yet, empty if nothing ever will be."""
    try:
        return os.read(pipe, READ_BYTES)
    except BlockingIOError:
        return None


def _drain(descriptor: int) -> None:
    while _read(descriptor):
        pass


__all__ = ["Watch"]
