"""The test's side of `host`: a client for its JSON lines, and fixtures that start it."""

import json
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.program import yield_processor
from tests.engines.vllm import checkpoint

# A start of the engine on two busy cores, in seconds.
START_S = 600.0
ROOT = Path(__file__).resolve().parents[3]


class Client:
    """A running host: its events in order, its pids, ways to end it."""

    def __init__(self, directory: Path, overrides: dict[str, Any] | None = None, client: str = "steps") -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.engines.vllm.host", str(directory), client, json.dumps(overrides or {})],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        yield_processor(self.process.pid)
        self._events: queue.Queue[dict[str, Any]] = queue.Queue()
        self.errors: list[str] = []
        self.facts: dict[str, Any] = {}
        self._threads = [
            threading.Thread(target=self._read_events, daemon=True),
            threading.Thread(target=self._read_errors, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def do(self, command: str, **values: Any) -> None:
        """Send a command."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": command, **values}) + "\n")
        self.process.stdin.flush()

    def wait(self, *names: str, timeout: float = 30.0, skip: bool = True) -> dict[str, Any]:
        """The next event with one of these names; others before it are skipped unless told otherwise."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                event = self._events.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no {names} within {timeout} s\n{''.join(self.errors[-60:])}") from None
            if event["event"] in names:
                return event
            assert skip, event

    def open(self) -> list[int]:
        """Wait until the engine is open; the pids it cannot live without."""
        opened = self.wait("opened", timeout=START_S)
        self.facts = opened["facts"]
        pids: list[int] = opened["pids"]
        return pids

    def running(self, count: int = 2) -> tuple[list[int], list[str]]:
        """A fresh engine with running requests: the pids it cannot live without, and their ids."""
        pids = self.reopen()
        ids = []
        for _ in range(count):
            self.do("submit")
            ids.append(self.wait("submitted")["id"])
        self.wait("output")
        return pids, ids

    def ends(self, count: int) -> dict[str, dict[str, Any]]:
        """The ends of as many requests, by id; none of them ends twice."""
        ends: dict[str, dict[str, Any]] = {}
        while len(ends) < count:
            event = self.wait("output", timeout=10)
            if event["kind"] != "Delta":
                assert event["id"] not in ends
                ends[event["id"]] = event
        return ends

    def reopen(self) -> list[int]:
        """Close this engine and open the next one in the same process."""
        self.do("reopen")
        return self.open()

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Signal the host itself."""
        self.process.send_signal(number)

    def bury(self) -> None:
        """End the host in good order, or else by force."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.close()
            self.process.wait(60)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        for thread, stream in zip(self._threads, (self.process.stdout, self.process.stderr), strict=True):
            assert stream is not None
            # An orphan, which the test has just complained about, would hold the other end for ever.
            thread.join(5)
            if not thread.is_alive():
                stream.close()

    def _read_events(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._events.put(json.loads(line) if line.startswith("{") else {"event": "noise", "line": line})

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        self.errors.extend(self.process.stderr)


@pytest.fixture(scope="session")
def checkpoint_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Llama for `load_format="dummy"`."""
    return checkpoint.write(tmp_path_factory.mktemp("vllm") / "model")


@pytest.fixture
def start_host(checkpoint_directory: Path) -> Iterator[Callable[..., Client]]:
    """Starts hosts that end with the test."""
    clients: list[Client] = []

    def start(directory: Path = checkpoint_directory, **overrides: Any) -> Client:
        clients.append(Client(directory, overrides))
        return clients[-1]

    yield start
    for client in clients:
        client.bury()


@pytest.fixture(scope="module")
def host(checkpoint_directory: Path) -> Iterator[Client]:
    """One host for the tests of a module; its engine may be dead when a test begins."""
    client = Client(checkpoint_directory)
    yield client
    client.bury()


@pytest.fixture(scope="module")
def public_host(checkpoint_directory: Path) -> Iterator[Client]:
    """The same, by the library's public interface."""
    client = Client(checkpoint_directory, client="public")
    yield client
    client.bury()
