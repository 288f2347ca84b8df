"""Server processes to attack: with a scripted engine, of this tree or of another checkout of the project."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from attrs import define, field

from tooling.benchmarks.bystander.watcher import Seen, watch
from tooling.benchmarks.serving.processes import free_port

KEY = "bystander-key"
START_S = 90.0
SETTLE_S = 6.0
PAUSE_S = 0.2
CALM_MS = 50.0
MEBIBYTE = 1 << 20
SETTINGS = {
    "TEXT_API_KEY": KEY,
    "MAX_CONCURRENT_CONNECTIONS": "64",
    "ENGINE_MAX_QUEUED": "256",
    "INFERENCE_ENGINE": "scripted",
    "DEPLOY_MODE": "chat",
    "SERVER_BIND_HOST": "127.0.0.1",
    "HF_HUB_OFFLINE": "1",
    # Strangers are to do their worst, not to be sent away by the throttle.
    "AUTH_MAX_FAILURES": "0",
}


@define(eq=False)
class Server:
    """A running server, restarted when an attack has ended it.

    `root`: the checkout whose code runs; `settings`: on top of what every server here has.
    """

    root: Path
    model: Path
    environ: Mapping[str, str]
    settings: Mapping[str, str] = field(factory=dict)
    port: int = 0
    _process: subprocess.Popen[bytes] | None = None
    _log: Path = field(factory=lambda: Path(tempfile.mkstemp(prefix="bystander-", suffix=".log")[1]))

    def ready(self) -> None:
        """Return when it is up."""
        if self._process is None or self._process.poll() is not None:
            self._start()

    def recovers(self) -> bool:
        """Whether it answers like an idle server within a while. One that does not, or has died, is ended."""
        deadline = time.monotonic() + SETTLE_S
        while time.monotonic() < deadline:
            seen = self._look(0.2)
            if seen is not None and not seen.lost and not seen.broken and max(seen.pongs) < CALM_MS:
                return True
            time.sleep(PAUSE_S)  # noqa: TID251 - no trio here
        self._end()
        return False

    @property
    def pid(self) -> int:
        """Of the process that runs, or ran last."""
        assert self._process is not None
        return self._process.pid

    def memory_mb(self) -> float:
        """Resident memory of the process, MiB; 0 when it is gone."""
        try:
            pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        except OSError:
            return 0.0
        return pages * os.sysconf("SC_PAGE_SIZE") / MEBIBYTE

    def stop(self) -> None:
        """End it, and the log with it."""
        self._end()
        self._log.unlink(missing_ok=True)

    def log_bytes(self) -> int:
        """Bytes logged so far."""
        return self._log.stat().st_size

    def _end(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()  # nothing of it is worth waiting for: the engine lives in the same process
            self._process.wait()

    def _start(self) -> None:
        self.port = free_port()
        settings = {**SETTINGS, "CHAT_MODEL": str(self.model), "SERVER_PORT": str(self.port), **self.settings}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "runtime"],
                cwd=self.root,
                env={**self.environ, **settings},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_S
        while self._look(0.05) is None:
            if self._process.poll() is not None or time.monotonic() > deadline:
                told = self._log.read_text(errors="replace")[-2000:]
                raise SystemExit(f"the server of {self.root} did not come up:\n{told}")
            time.sleep(PAUSE_S)  # noqa: TID251 - no trio here

    def _look(self, seconds: float) -> Seen | None:
        """What a bystander sees; None if it does not get in."""
        try:
            return watch(self.port, KEY, seconds)
        except OSError:
            return None


__all__ = ["KEY", "Server"]
