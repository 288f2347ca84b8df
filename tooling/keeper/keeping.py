"""Keeps a server: its own process group, signals passed on one by one, its output kept, nothing left behind.

A terminal sends Ctrl+C to every process of its foreground group. An engine's child process that gets it ends every
stream before the server has begun to drain. So the server and all its children live in a group of their own, and only
its main process hears of the signal. If the keeper is killed the server is told to stop; when the server has ended,
what is left of its group is ended too.
"""

import contextlib
import ctypes
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from attrs import define, field

from tooling.keeper.conflict import require_free
from tooling.keeper.logfile import LogFile
from tooling.keeper.mirror import Mirror
from tooling.keeper.orders import Orders, Prepare, Prepared
from tooling.keeper.places import Place, place_log
from tooling.keeper.record import Record
from tooling.keeper.serving import PR_SET_PDEATHSIG, Serving
from tooling.keeper.terminal import Terminal
from tooling.keeper.waiting import BANNER, INTERRUPTED, TERMINATED, Waiting
from tooling.refusal import FAILED, REFUSED, Refusal
from tooling.running import Claim, Exit, Identity, Phase, State

RUNNERS = frozenset({"just"})
STDOUT = 1
ENDS_PREPARING = {signal.SIGINT: INTERRUPTED, signal.SIGTERM: TERMINATED, signal.SIGHUP: TERMINATED}
MEANT = {signal.SIGINT: signal.SIGINT, signal.SIGTERM: signal.SIGTERM, signal.SIGHUP: signal.SIGTERM}
SETTLE_EVERY_S = 0.5
PROGRESS_CHARACTERS = 500
RESTLESS = "keeper: it goes on: a server whose output nobody takes stands still. In the background: --detach"
"""What Ctrl+Z gets."""


@define(eq=False)
class Keeper:
    """One launch, from its claims to its end. Linux; made and used in the main thread.

    Made in the process that the user waits for, before anything is disturbed: raises `Refusal` where the port or every
    log is taken (by whom, and what to do), and where nothing can be written.
    """

    orders: Orders
    _terminal: Terminal | None = field(init=False)
    _key: str = field(init=False)
    _claim: Claim = field(init=False)
    _place: Place = field(init=False)
    _log: LogFile = field(init=False)
    _waiter: int = field(default=-1, init=False)
    _serving: Serving | None = field(default=None, init=False)
    _early: list[signal.Signals] | None = field(default=None, init=False)
    _is_ending: bool = field(default=False, init=False)
    _settled_at: float = field(default=0.0, init=False)

    def __attrs_post_init__(self) -> None:
        settings, home = self.orders.settings, self.orders.home
        self._terminal = Terminal.of(STDOUT)
        self._key = str(settings.deployment.server_port or f"0-{os.getpid()}")
        with contextlib.ExitStack() as undone:
            try:
                self._claim = require_free(home, self._key)
                undone.callback(self._claim.close)
                self._place = place_log(home, self.orders.log, self._key)
            except OSError as error:
                why = f"cannot be written ({error.strerror or error})"
                raise Refusal(f"YAP_HOME={home} {why}: name another directory", REFUSED) from None
            if self._place.claim is not None:
                undone.callback(self._place.claim.close)
            self._log = LogFile.open(self._place.path, settings.logs.log_max_bytes, settings.logs.log_keep)
            undone.pop_all()

    @property
    def log(self) -> Path:
        """The file that this launch writes."""
        return self._place.path

    def follow_runner(self) -> None:
        """Stop when the recipe runner that started us is killed; other parents (a shell, nohup) may leave."""
        with contextlib.suppress(OSError):
            parent = os.getppid()
            if Path(f"/proc/{parent}/comm").read_text("ascii").strip() in RUNNERS:
                ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM))

    def keep(self, command: Sequence[str], prepare: Prepare) -> int:
        """Prepare, run the server in front of this terminal until it ends, and return the launch's exit code."""
        for number in MEANT:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup and a shell's `&` ask for
                signal.signal(number, self._heard)
        # Whoever reads our output may leave (`just run | head`): that is no reason to end a server.
        for number in (signal.SIGPIPE, signal.SIGTTOU):
            signal.signal(number, signal.SIG_IGN)
        mirror = Mirror(self._log, self._terminal)
        signal.signal(signal.SIGTSTP, lambda *_: mirror.show(RESTLESS))
        self._log.tell = mirror.show
        record = Record(self.orders.home, self._first_state(), mirror.say, self._waiter)
        try:
            return self._run(command, prepare, mirror, record)
        except Refusal as refusal:
            return self._failed(record, mirror, refusal.exit_code, str(refusal))
        except KeyboardInterrupt:
            return self._failed(record, mirror, INTERRUPTED, "interrupted while preparing")
        except SystemExit as leaving:
            return self._failed(record, mirror, _code(leaving), "terminated while preparing")
        except BaseException as error:
            self._failed(record, mirror, FAILED, f"unforeseen: {type(error).__name__}")
            raise
        finally:
            mirror.close()

    def detach(self, command: Sequence[str], prepare: Prepare) -> int:
        """Do the same in a session of its own; return once it is ready (0, or 7), or with what kept it from that.

        What it is at is told on stderr meanwhile. Ctrl+C only ends the waiting, with 130. The claims go with the new
        process: this one may end at any time. Call it before there is a second thread.
        """
        news, waiter = os.pipe()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, MEANT)
        if self._terminal is not None:
            self._terminal.leave()
            self._terminal = None
        pid = os.fork()
        if not pid:
            os.close(news)
            self._waiter = waiter
            self._become_session(command, prepare, before)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(waiter)
        self._claim.close()
        if self._place.claim is not None:
            self._place.claim.close()
        return Waiting(pid, news, self.log, self.orders.extra, _say).until_ready()

    def _become_session(self, command: Sequence[str], prepare: Prepare, mask: Iterable[int]) -> NoReturn:
        """In the new process: no terminal, no standard input; what nobody foresaw goes to the log."""
        code = FAILED
        try:
            os.setsid()
            os.set_blocking(self._waiter, False)
            nothing = os.open(os.devnull, os.O_RDONLY)
            os.dup2(nothing, 0)
            os.close(nothing)
            for standard in (1, 2):
                os.dup2(self._log.fileno(), standard)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            code = self.keep(command, prepare)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)

    def _run(self, command: Sequence[str], prepare: Prepare, mirror: Mirror, record: Record) -> int:
        self._greet(mirror, record)

        def say(text: str) -> None:
            mirror.say(text)
            record.change(in_passing=True, progress=text[:PROGRESS_CHARACTERS])
            if time.monotonic() > self._settled_at + SETTLE_EVERY_S:
                self._settled_at = time.monotonic()
                record.settle()

        prepared = prepare(say)
        self._early = []
        _take(record, prepared)
        serving = Serving(self.orders, prepared, mirror, record)
        serving.begin(command)
        self._serving = serving
        for number in self._early:
            serving.hear(number)
        return serving.until_it_ends()

    def _greet(self, mirror: Mirror, record: Record) -> None:
        now = time.strftime("%Y-%m-%d %H:%M:%S %z")
        versions = ", ".join(f"{name} {version}" for name, version in self.orders.versions.items())
        self._log.line("\n".join((f"{BANNER}{now}  port {self._key}  {versions}".rstrip(), *self.orders.banner)))
        if self._place.why:
            mirror.say(f"keeper: {self._place.why}")
        record.begin()

    def _first_state(self) -> State:
        deployment = self.orders.settings.deployment
        return State(
            key=self._key,
            host=deployment.server_bind_host,
            port=deployment.server_port,
            phase=Phase.PREPARING,
            keeper=Identity.of(os.getpid()),
            requested=self.orders.requested,
            resolved=self.orders.resolved,
            versions=self.orders.versions,
            log=str(self.log),
            started=time.time(),
            drain_timeout_s=deployment.drain_timeout_s,
        )

    def _heard(self, number: int, frame: FrameType | None) -> None:
        heard = signal.Signals(number)
        if self._serving is not None:
            self._serving.hear(MEANT[heard])
        elif self._early is not None:
            self._early.append(MEANT[heard])
        elif not self._is_ending:  # one is enough: what is half made, and who makes it, is being removed
            self._is_ending = True
            if heard is signal.SIGINT:
                raise KeyboardInterrupt
            raise SystemExit(ENDS_PREPARING[heard])

    def _failed(self, record: Record, mirror: Mirror, code: int, why: str) -> int:
        self._is_ending = True
        phase = Phase.STOPPED if code in (INTERRUPTED, TERMINATED) else Phase.FAILED
        record.change(phase=phase, progress="", exit=Exit(code=code, why=why, at=time.time()))
        mirror.log.line(f"keeper: {why}")
        mirror.complain(f"run: {why}")
        return code


def _take(record: Record, prepared: Prepared) -> None:
    state = record.state
    record.change(
        code=prepared.code,
        resolved=state.resolved if prepared.resolved is None else prepared.resolved,
        versions=state.versions if prepared.versions is None else prepared.versions,
    )


def _code(leaving: SystemExit) -> int:
    return leaving.code if isinstance(leaving.code, int) else FAILED


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


__all__ = ["Keeper"]
