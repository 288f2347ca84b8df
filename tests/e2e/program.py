"""`python -m runtime` as a process of its own: started with an environment, watched by its log and `/readyz`."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from engines import processes
from tests.toy import toy_directory

ROOT = Path(__file__).resolve().parents[2]
START_S = 90.0
BURY_S = 60.0
"""A server with an engine needs seconds to end; with its keeper, on a busy core, more than half a minute."""
ERROR_LOG = "engine-errors.log"
INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "OMP_WAIT_POLICY", "VLLM_CPU_OMP_THREADS_BIND")


def yield_processor(leader: int) -> None:
    """Let other sessions (as in setsid) run before this leader's, where the kernel divides the cores between them."""
    group = Path(f"/proc/{leader}/autogroup")
    if group.exists():
        group.write_text("10")


def run_yielding(argv: Sequence[str], timeout_s: float, environ: Mapping[str, str] | None = None) -> str:
    """What a program prints that computes for a while, in a session of its own that yields; a failure is an assertion.

    `timeout_s`: after which it hangs. `environ`: None for ours.
    """
    with tempfile.TemporaryFile("w+", errors="replace") as errors:
        process = subprocess.Popen(
            argv, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True
        )
        yield_processor(process.pid)
        try:
            said, _ = process.communicate(timeout=timeout_s)
        finally:
            process.kill()
            process.wait()
        errors.seek(0)
        assert process.returncode == 0, errors.read()[-4000:]
        return said


class Program:
    """A running server: its port, its log lines, its process and what that process started.

    `yields`: it leaves the processor to others. A real engine on the same few cores can otherwise keep a test's client
    from running for as long as a reply takes: Linux divides the cores between sessions (sched(7), autogroup). So does
    whatever computes beside a test, or an engine that yields would starve beside it.
    `module`: what is run in the place of `runtime`. `within`: a command that runs it, in the same process.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        arguments: Sequence[str] = (),
        *,
        yields: bool = False,
        module: str = "runtime",
        within: Sequence[str] = (),
    ) -> None:
        self.environment = dict(environment)
        surroundings = os.environ  # noqa: TID251 - a child process needs its PATH and HOME
        inherited = {name: surroundings[name] for name in INHERITED if name in surroundings}
        self.process = subprocess.Popen(
            [*within, sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env={
                **inherited,
                "HF_HUB_OFFLINE": "1",
                "TEXT_API_KEY": "k-1",
                "MAX_CONCURRENT_CONNECTIONS": "16",
                "SERVER_BIND_HOST": "127.0.0.1",
                "SERVER_PORT": "0",
                "APP_LOG_FORMAT": "json",
                **environment,
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        if yields:
            yield_processor(self.process.pid)
        self.lines: list[str] = []
        self._more = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self.process.pid

    @property
    def port(self) -> int:
        """The bound port."""
        return int(self.wait_for("server.started")["port"])

    def wait_for(self, event: str, timeout_s: float = START_S, after: int = 0) -> dict[str, Any]:
        """The first log record of this event at or after a line number."""
        deadline = time.monotonic() + timeout_s
        with self._more:
            while True:
                for record in self.records(after):
                    if record.get("event") == event:
                        return record
                left = deadline - time.monotonic()
                assert left > 0 and self.process.poll() is None, f"no {event}:\n{''.join(self.lines[-40:])}"
                self._more.wait(min(left, 0.5))

    def records(self, after: int = 0) -> list[dict[str, Any]]:
        """The log's JSON records."""
        return [json.loads(line) for line in self.lines[after:] if line.startswith("{")]

    def wait_ready(self, timeout_s: float = START_S) -> "Program":
        """Return when `/readyz` says 200."""
        deadline = time.monotonic() + timeout_s
        while self.readiness() != 200:
            left = time.monotonic() < deadline and self.process.poll() is None
            assert left, f"not ready:\n{''.join(self.lines[-40:])}"
            time.sleep(0.1)  # noqa: TID251 - no trio here
        return self

    def readiness(self) -> int:
        """The status of `/readyz` now; 0 if none comes in time, or nobody listens."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()

    def family(self) -> list[processes.Process]:
        """Processes that the server started, directly or not."""
        return processes.descendants(self.pid)

    def descriptors(self) -> int:
        """Open descriptors of the server, but for the file of the engine's errors: the first error that the library
        logs in the server's own process opens it, and `logging` keeps it.
        """
        found, directory = 0, Path(f"/proc/{self.pid}/fd")
        for entry in directory.iterdir():
            with suppress(FileNotFoundError):  # closed between two looks
                found += entry.readlink().name != ERROR_LOG
        return found

    def kill(self, number: signal.Signals) -> None:
        """Signal the server itself."""
        self.process.send_signal(number)

    def wait_gone(self, timeout_s: float = 60.0) -> int:
        """The exit status."""
        return self.process.wait(timeout_s)

    def bury(self) -> None:
        """End it if it still runs, and tidy up; an assertion fails where it has to be killed for that."""
        ends = True
        if self.process.poll() is None:
            # Not SIGINT: a shell has what it runs in the background ignore that, and so do their children.
            self.kill(signal.SIGTERM)
            try:
                self.process.wait(BURY_S)
            except subprocess.TimeoutExpired:
                ends = False
                self.process.kill()
                self.process.wait()
        self._reader.join()
        assert self.process.stderr is not None
        self.process.stderr.close()
        assert ends, f"it had not ended {BURY_S:g} s after SIGTERM"

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._more:
                self.lines.append(line)
                self._more.notify_all()


def scripted(**more: str) -> dict[str, str]:
    """The environment of a server with the scripted engine and the toy model's tokenizer."""
    return {"DEPLOY_MODE": "chat", "INFERENCE_ENGINE": "scripted", "CHAT_MODEL": str(toy_directory()), **more}


def left_of_session(leader: int) -> list[str]:
    """Command lines of the processes in a session (as in setsid), whoever their parent is now."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
            if int(fields[3]) == leader and fields[0] not in "ZX":
                found.append((entry / "cmdline").read_text(errors="replace").replace("\0", " "))
        except OSError:
            continue  # it ended meanwhile
    return found


def assert_nothing_left(leader: int, within_s: float = 10.0) -> None:
    """Assert that a session is empty soon."""
    deadline = time.monotonic() + within_s
    while left := left_of_session(leader):
        assert time.monotonic() < deadline, f"still there: {left}"
        time.sleep(0.05)  # noqa: TID251 - no trio here


def assert_gone(family: list[processes.Process], within_s: float = 10.0) -> None:
    """Assert that none of these processes lives on."""
    deadline = time.monotonic() + within_s
    while left := [process for process in family if processes.is_alive(process)]:
        assert time.monotonic() < deadline, f"still there: {left}"
        time.sleep(0.05)  # noqa: TID251 - no trio here


__all__ = [
    "Program",
    "assert_gone",
    "assert_nothing_left",
    "left_of_session",
    "run_yielding",
    "scripted",
    "yield_processor",
]
