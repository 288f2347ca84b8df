"""The servers that things are done to: real vLLM on the CPU, or TensorRT-LLM's stand-in for trying the program out."""

import shutil
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from attrs import frozen

from tests.chaos.weighed import KEPT
from tests.e2e.breaking import HANG_S, settings
from tests.e2e.houses import standing_in
from tests.e2e.program import Program, assert_nothing_left
from tests.e2e.weights import write_talker

Kind = TypeVar("Kind", bound=Program)
ENGINES = ("vllm", "standin")
START_S = 600.0
"""Until a server is ready: minutes where the cores are busy."""
SPARE_SLOTS = 64
AT_ONCE = 512
"""Requests that run at once: a crowd is in the middle of its replies, not in a queue."""
REPLY_TOKENS = 4000
SEND_TIMEOUT_S = 4.0
PING_INTERVAL_S = 15.0
"""A crowd is one process: with five hundred handshakes at once it answers pings late, on a busy core by ten seconds."""


@frozen(kw_only=True)
class Servers:
    """Makes servers of one engine. `clients`: how many a crowd is. `directory`: for models, disks and files of ours.

    `model`: what vLLM serves; without one, random weights whose replies are as long as they may be.
    """

    engine: str
    clients: int
    directory: Path
    model: Path | None = None

    @property
    def is_real(self) -> bool:
        """Whether an engine computes."""
        return self.engine == "vllm"

    @property
    def says_own_count(self) -> bool:
        """Whether the engine itself counts its requests; TensorRT-LLM does not."""
        return self.is_real

    def environment(self, **more: str) -> dict[str, str]:
        """What such a server is told."""
        common = {
            "MAX_CONCURRENT_CONNECTIONS": str(self.clients + SPARE_SLOTS),
            "ENGINE_MAX_QUEUED": str(self.clients + SPARE_SLOTS),
            "ENGINE_STALL_TIMEOUT_S": "3",
            "ENGINE_HANG_TIMEOUT_S": str(HANG_S),
            "WS_MAX_MESSAGES_PER_WINDOW": "0",
            "WS_MAX_CANCELS_PER_WINDOW": "0",
            "WS_SEND_TIMEOUT_S": str(SEND_TIMEOUT_S),
            "WS_PING_INTERVAL_S": str(PING_INTERVAL_S),
            "WS_OUTBOX_MAX_BYTES": str(1 << 20),
            "CHAT_MAX_LEN": "8192",
            "CHAT_MAX_OUT": str(REPLY_TOKENS),
            "METRICS_ENABLED": "1",
            **more,
        }
        if self.engine == "standin":
            return {**standing_in(self._fresh("standin")), "TRT_BATCH_SIZE": str(AT_ONCE), **common}
        sizes = {"CHAT_MAX_NUM_SEQS": str(AT_ONCE), "CHAT_KV_CACHE_BYTES": str(256 << 20)}
        return settings(self.model or self._talker(), **{**sizes, **common})

    @contextmanager
    def running(self, environment: Mapping[str, str], *, module: str = "runtime") -> Iterator[Program]:
        """A ready server of that environment; in the end nothing of it is left."""
        with self.kept(Program(environment, module=module)) as program:
            yield program

    @contextmanager
    def kept(self, program: Kind) -> Iterator[Kind]:
        """Wait until it is ready; in the end nothing of it is left."""
        try:
            # It does not yield the processor: beside other programs an engine would then never be up again.
            program.wait_ready(START_S)
            yield program
        finally:
            program.bury()
            assert_nothing_left(program.process.pid)

    def _talker(self) -> Path:
        talker = self.directory / "talker"
        if not talker.exists():
            talker.mkdir()
            write_talker(talker)
        return talker

    def _fresh(self, name: str) -> Path:
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.directory))


@contextmanager
def chat(servers: Servers) -> Iterator[Program]:
    """A chat model alone, which says how much it keeps; scenarios share it, for each leaves it as it was."""
    environment = {**servers.environment(), KEPT: str(servers.directory / "kept")}
    with servers.running(environment, module="tests.chaos.weighed") as program:
        yield program


def free_port() -> int:
    """A port that nobody has now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def scratch() -> Iterator[Path]:
    """A directory for one run of the program."""
    path = Path(tempfile.mkdtemp(prefix="chaos-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


__all__ = ["ENGINES", "PING_INTERVAL_S", "SEND_TIMEOUT_S", "Servers", "chat", "free_port", "scratch"]
