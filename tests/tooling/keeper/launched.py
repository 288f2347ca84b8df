"""Launches of the small server by a real keeper, each in a directory and a home of its own."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from attrs import define, field

from tooling.running import Phase, State, every_state

ROOT = Path(__file__).resolve().parents[3]
SMALL = Path(__file__).with_name("small_server.py")
LIMIT_S = 60.0
T = TypeVar("T")


@define(eq=False)
class Place:
    """A directory to launch in, with `home` in it. Whatever was launched is ended by `clear`."""

    directory: Path
    keepers: list[subprocess.Popen[str]] = field(factory=list)

    @property
    def home(self) -> Path:
        """`YAP_HOME`."""
        return self.directory / "home"

    @property
    def log(self) -> str:
        """What is in server.log."""
        return (self.directory / "server.log").read_text()

    def environ(self, **more: str) -> dict[str, str]:
        """What a launch in it gets."""
        around = os.environ  # noqa: TID251  # a child process needs its PATH and HOME
        paths = {"PATH": around["PATH"], "HOME": around["HOME"], "PYTHONPATH": str(ROOT)}
        return {**paths, "YAP_HOME": str(self.home), "SERVER_PORT": "0", "SERVER_BIND_HOST": "127.0.0.1", **more}

    def launch(self, *words: str, **environ: str) -> subprocess.Popen[str]:
        """Begin to keep a small server. Its terminal is a pipe."""
        return self.start([sys.executable, str(SMALL), *words], environ)

    def start(self, command: list[str], environ: Mapping[str, str]) -> subprocess.Popen[str]:
        """Begin to keep any server."""
        keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.keeping", *command],
            cwd=self.directory,
            env=self.environ(**environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.keepers.append(keeper)
        return keeper

    def state(self) -> State | None:
        """What the last launch wrote down."""
        states = [state for state in every_state(self.home) if isinstance(state, State)]
        return max(states, key=lambda state: state.started, default=None)

    def reaches(self, *phases: Phase) -> State:
        """Wait until the last launch is at one of these."""

        def at() -> State | None:
            state = self.state()
            return state if state is not None and state.phase in phases else None

        return eventually(at, f"{phases}; {self.state()}")

    def clear(self) -> None:
        """End what still runs."""
        for state in every_state(self.home):
            for process in state.processes[::-1] if isinstance(state, State) else ():
                process.send(9)  # type: ignore[arg-type]
        for keeper in self.keepers:
            keeper.kill()
            keeper.communicate()


def eventually(look: Callable[[], T | None], what: str, limit_s: float = LIMIT_S) -> T:
    """Wait until a look finds something."""
    deadline = time.monotonic() + limit_s
    while not (found := look()):
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.01)  # noqa: TID251  # no trio here
    return found


def ended(keeper: subprocess.Popen[str], limit_s: float = LIMIT_S) -> tuple[int, str, str]:
    """Wait for a keeper: its exit code, what it printed, what it complained."""
    out, complaints = keeper.communicate(timeout=limit_s)
    return keeper.returncode, out, complaints
