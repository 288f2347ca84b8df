"""`python -m tooling.stop [--port N] [--now] [--timeout S]` stops a server, and never anybody else's process."""

import argparse
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from attrs import define, evolve, field

from tooling.ending import told
from tooling.refusal import FAILED, REFUSED, Refusal
from tooling.running import Claim, Exit, Identity, Phase, State, every_state, write_state
from tooling.running.choosing import home_of, named_or_only, split
from tooling.running.gpu_memory import held
from tooling.running.identity import members, wait_gone
from tooling.running.program import grammar

MARGIN_S = 15.0
"""On top of what the server takes to drain: closing its engine takes a while, too."""
SECOND_WAIT_S = 5.0
NOW_WAIT_S = 0.5
"""Between the first and the second signal with `--now`: two at once can arrive as one."""
LAST_WAIT_S = 5.0
"""For the keeper to end what is left and to write down how it went."""
MARK = b"LISTENING_FD="
ABOUT = """\
Stop a server: it is asked to drain, told again after DRAIN_TIMEOUT_S + 15 s, and ended with everything it started
5 s later. Works while a launch still prepares. Where nothing runs there is nothing to do, and that is success."""
CODES = "0 stopped, or nothing to stop; 1 it cannot be ended; 2 usage, several run; 3 another user's; 130 interrupted"
Say = Callable[[str], None]


@define(eq=False)
class Stopping:
    """Ends one launch. `timeout_s`: for the drain; None: what its server takes, and `MARGIN_S`."""

    home: Path
    state: State
    say: Say
    now: bool = False
    timeout_s: float | None = None
    _family: list[Identity] = field(factory=list, init=False)

    def run(self) -> None:
        """Return when nothing of it runs any more. Raises `Refusal` where it cannot be ended, or is not ours to end."""
        began = time.monotonic()
        self._look()
        self.say(f"stopping {self.state.described()}")
        try:
            if self.state.phase is Phase.STOPPING and self.state.keeper.is_alive() and not self.now:
                self.say("it was asked to already; --now does not wait for running replies")
            else:
                keeper = self.state.keeper
                self._signal(keeper if keeper.is_alive() else self.state.server, signal.SIGTERM)
            if not self._gone(self._patience()):
                self._insist()
        except PermissionError:
            raise Refusal(f"pid {self.state.keeper.pid} is another user's: stop it as that user", REFUSED) from None
        if not self._gone(LAST_WAIT_S):
            self._signal(self.state.keeper, signal.SIGKILL)  # it was stopped, or hangs: its server is gone by now
        self._bury_orphans()
        if not self._gone(LAST_WAIT_S):
            stuck = ", ".join(str(one.pid) for one in self.state.processes if one.is_alive())
            raise Refusal(f"pid {stuck} does not end even when killed: it hangs in the kernel, see dmesg", FAILED)
        close_book(self.home, self.state)
        self.say(f"stopped after {time.monotonic() - began:.1f} s")
        for index, gib in held(self._family).items():
            self.say(f"GPU {index}: processes of it still hold {gib:.1f} GiB; nvidia-smi shows them")

    def _patience(self) -> float:
        if self.now:
            return NOW_WAIT_S
        return self.timeout_s if self.timeout_s is not None else self.state.drain_timeout_s + MARGIN_S

    def _insist(self) -> None:
        """The second signal goes to the server itself, in case its keeper is what hangs; then the last one to all."""
        if not self.now:
            self.say("it has not drained in time: told again")
        self._signal(self.state.server, signal.SIGTERM)
        if self._gone(SECOND_WAIT_S):
            return
        self.say("it does not end: killed, with everything it started")
        server = self.state.server
        if server is not None and server.is_alive():
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                os.killpg(server.pid, signal.SIGKILL)

    def _gone(self, within_s: float) -> bool:
        """Whether nothing of it runs within this time, what its keeper starts meanwhile included."""
        deadline = time.monotonic() + within_s
        while wait_gone(self.state.processes, max(0.0, deadline - time.monotonic())):
            before = self.state.processes
            self._look()
            if self.state.processes == before:
                return True
        self._look()
        return False

    def _look(self) -> None:
        """What its keeper has written by now: it may have started the server, and have moved to the port it got."""
        for state in every_state(self.home):
            if isinstance(state, State) and state.keeper == self.state.keeper:
                self.state = state
        if self.state.server is not None:
            self._family = members(self.state.server.pid) or self._family

    def _signal(self, process: Identity | None, number: signal.Signals) -> None:
        if process is not None:
            process.send(number)

    def _bury_orphans(self) -> None:
        """End what is left of a group that has no keeper to see to it; nobody in it is older than its server."""
        server = self.state.server
        if server is None or self.state.keeper.is_alive() or server.is_alive():
            return
        for orphan in members(server.pid):
            if orphan.start_ticks >= server.start_ticks and _is_of_a_launch(orphan.pid):
                orphan.send(signal.SIGKILL)


def _is_of_a_launch(pid: int) -> bool:
    """Whether a process descends from a server that a keeper started: a group's number may be given anew."""
    try:
        return any(entry.startswith(MARK) for entry in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"))
    except OSError:
        return False


def stop(home: Path, state: State, say: Say, *, now: bool = False, timeout_s: float | None = None) -> None:
    """End a launch, or clear what a dead one left behind. Raises `Refusal`."""
    if state.phase.is_over and not state.is_alive():
        return
    if state.is_stale():
        close_book(home, state)
        process = state.server or state.keeper
        say(f"port {state.key}: pid {process.pid} is gone without a word; its state is cleared, nothing was signalled")
        return
    Stopping(home, state, say, now=now, timeout_s=timeout_s).run()


def close_book(home: Path, state: State) -> None:
    """Write down the end of a launch whose keeper could not do it; what was asked for stays, for `restart`."""
    claim = Claim.port(home, state.key)
    if claim is None:
        return  # somebody launches there by now
    try:
        current = next((one for one in every_state(home) if isinstance(one, State) and one.key == state.key), state)
        if current.is_stale():
            end = Exit(code=FAILED, why="it ended without a word: killed, or the machine went down", at=time.time())
            write_state(home, evolve(current, phase=Phase.FAILED, progress="", exit=end))
    finally:
        claim.close()


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the command; the exit code."""
    parser = grammar("stop", ABOUT, CODES)
    parser.add_argument("--now", action="store_true", help="do not wait for running replies")
    parser.add_argument("--timeout", metavar="S", type=_seconds, help="how long running replies may take")
    options = parser.parse_args(argv)

    def work() -> int:
        home = home_of(environ)
        meant = named_or_only(home, options.port, "stop")
        chosen = [meant] if meant is not None else [] if options.port else split(home)[0]
        for state in chosen:
            stop(home, state, _say, now=options.now, timeout_s=options.timeout)
        if not any(not state.phase.is_over for state in chosen):
            _say(f"nothing runs{f' on port {options.port}' if options.port else ''}: there is nothing to stop")
        return 0

    return told("stop", work)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return seconds


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


__all__ = ["Stopping", "close_book", "stop"]

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))  # noqa: TID251  # an entry module
