"""One server process of a launch: started in a group of its own, watched, and what became of it written down."""

import contextlib
import ctypes
import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Sequence

from attrs import define, field

from runtime.listening import reachable
from tooling.keeper.ends import how, while_starting
from tooling.keeper.group import end_group
from tooling.keeper.mirror import Mirror
from tooling.keeper.orders import Orders, Prepared
from tooling.keeper.record import Record
from tooling.keeper.watch import Watch
from tooling.refusal import FAILED, NOT_READY, REFUSED, Refusal
from tooling.running import Claim, Exit, Identity, Phase

PR_SET_PDEATHSIG = 1  # linux/prctl.h
PIPE_BYTES = 1 << 20
"""Room for what a server prints while the disk is slow; the most that Linux gives to whoever is not root."""
PORT_VARIABLE = "LISTENING_FD"


@define(eq=False)
class Serving:
    """`begin` starts the server, `until_it_ends` gives the launch's exit code; `hear` passes a signal on."""

    orders: Orders
    prepared: Prepared
    mirror: Mirror
    record: Record
    _server: subprocess.Popen[bytes] = field(init=False)
    _watch: Watch = field(init=False)
    _began: float = field(factory=time.monotonic, init=False)
    _claim: Claim | None = field(default=None, init=False)

    def begin(self, command: Sequence[str]) -> None:
        """Start it. Raises `Refusal` where its program cannot be run. Call it before there is a second thread."""
        port_from, port_to = os.pipe()
        try:
            self._server = subprocess.Popen(
                command,
                env=self._environ(port_to),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                bufsize=0,
                pass_fds=[port_to],
                process_group=0,
                preexec_fn=_dies_with_us,  # noqa: PLW1509  # safe here: no other thread of ours holds a lock
            )
        except OSError as error:
            os.close(port_from)
            raise Refusal(f"{command[0]} cannot be started: {error.strerror or error}", FAILED) from None
        finally:
            os.close(port_to)
        if self.mirror.terminal is not None:
            self.mirror.terminal.start()
        assert self._server.stdout is not None
        with contextlib.suppress(OSError):
            fcntl.fcntl(self._server.stdout, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        settings = self.orders.settings
        self._watch = Watch(
            server=self._server,
            port_from=port_from,
            host=settings.deployment.server_bind_host,
            ready_timeout_s=settings.logs.ready_timeout_s,
            happenings=self,
            output=self.mirror.pass_on,
        )
        self.record.change(phase=Phase.STARTING, server=Identity.of(self._server.pid), progress="")

    def hear(self, number: signal.Signals) -> None:
        """A signal for the server, from a handler."""
        self._watch.hear(number)

    def until_it_ends(self) -> int:
        """Watch it to its end, end what it left behind, write down how it went."""
        self._watch.until_it_ends()
        end_group(self._server.pid)
        self._watch.last_words(PIPE_BYTES)
        code = self._server.wait()
        assert self._server.stdout is not None
        self._server.stdout.close()
        phase, result, why = self._judged(code)
        name = how(code) if code < 0 else None
        self.record.change(phase=phase, progress="", exit=Exit(code=result, why=why, at=time.time(), signal=name))
        self.mirror.log.line(f"keeper: {why}")
        if phase is Phase.FAILED:
            self.mirror.complain(why)
        return result

    def listens(self, port: int) -> None:
        """It told its port, which settings may have left open."""
        before = self.record.state
        key = before.key
        if not before.port and (claim := Claim.port(self.orders.home, port)) is not None:
            self._claim, key = claim, str(port)
        self.record.change(port=port, key=key)

    def ready(self) -> None:
        """`/readyz` said 200."""
        state = self.record.state
        address = f"{reachable(state.host)}:{state.port}"
        self.record.change(phase=Phase.READY, progress="")
        self.mirror.say(f"keeper: ready after {self._seconds():.1f} s at {address}, pid {self._server.pid}")

    def at(self, progress: str) -> None:
        """`/readyz` said what it is at."""
        if progress != self.record.state.progress:
            self.record.change(progress=progress)
            self.mirror.say(f"keeper: {self._seconds():.0f} s: {progress}")

    def asked(self) -> None:
        """The first signal went to it."""
        self.record.change(phase=Phase.STOPPING)

    def late(self) -> None:
        """It did not become ready in time, and is being stopped."""
        last = self.record.state.progress or "it answered nothing"
        self.mirror.log.line(f"keeper: not ready within {self._limit():g} s ({last}): it is stopped")

    def owes(self) -> bool:
        """Whether something could not be written yet; tries once more."""
        self.record.settle()
        return self.record.is_owed

    def _judged(self, code: int) -> tuple[Phase, int, str]:
        """The launch's last phase, its exit code, and why in a sentence."""
        watch, tells = self._watch, f"the server ended ({how(code)})"
        if watch.is_late:
            last = self.record.state.progress
            why = f"not ready within {self._limit():g} s (READY_TIMEOUT_S), stopped{last and f'; it was at: {last}'}"
            return Phase.FAILED, NOT_READY, why
        if watch.signals:
            return Phase.STOPPED, (code if code >= 0 else 128 - code) or self.prepared.code, f"{tells} as it was asked"
        if watch.is_ready:
            result = (code if code >= 0 else 128 - code) or self.prepared.code
            return (Phase.FAILED if code else Phase.STOPPED), result, f"{tells}; its log: {self.mirror.log.path}"
        said, settings = (self.mirror.out_of_memory, self.mirror.tail), self.orders.settings
        why = while_starting(code, said, settings, self.prepared.environ, self.mirror.log.path)
        return Phase.FAILED, (REFUSED if code == REFUSED else FAILED), why

    def _environ(self, port_to: int) -> dict[str, str]:
        """The server's: where it tells its port, prints that arrive at once, colours if somebody sees them."""
        given = dict(self.prepared.environ)
        given[PORT_VARIABLE] = str(port_to)
        given.setdefault("PYTHONUNBUFFERED", "1")
        shows_colours = not given.get("NO_COLOR") and given.get("TERM") != "dumb"
        if shows_colours and self.mirror.terminal is not None and self.mirror.terminal.is_a_terminal:
            given.setdefault("FORCE_COLOR", "1")
        return given

    def _seconds(self) -> float:
        return time.monotonic() - self._began

    def _limit(self) -> float:
        return self.orders.settings.logs.ready_timeout_s


_prctl = ctypes.CDLL(None).prctl


def _dies_with_us() -> None:
    """In the child, before it becomes the server: it is told to stop when its keeper is killed."""
    _prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM))


__all__ = ["Serving"]
