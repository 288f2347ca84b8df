"""A server as a process of its own under attack: few descriptors, everything logged, its memory watched."""

import json
import os
import re
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.attacks.scene import KEY, RECORD_MAX, SECRETS
from tests.e2e.program import START_S, Program, scripted

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
NOISE = {
    "TEXT_API_KEY": KEY,
    "APP_LOG_LEVEL": "DEBUG",
    "AUTH_MAX_FAILURES": "0",
    "ENGINE_MAX_QUEUED": "256",
    "MAX_CONCURRENT_CONNECTIONS": "256",
}
WORD_OF_A_REPLY = re.compile(r"\b(river|walk|along|rain)\b")
"""Of `engines.scripted.WORDS`, those that no log line of ours has."""


class Victim(Program):
    """A server whose log may be in either format."""

    @property
    def port(self) -> int:
        """The bound port."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            for line in self.lines:
                if "server.started" in line and (found := re.search(r'\bport"?[=:] ?(\d+)', line)):
                    return int(found[1])
            assert self.process.poll() is None, "".join(self.lines[-40:])
            time.sleep(0.05)  # noqa: TID251 - no trio here
        raise AssertionError(f"not started: {''.join(self.lines[-40:])}")


@contextmanager
def victim(**environment: str) -> Iterator[Victim]:
    """A ready server that logs at debug."""
    program = Victim(scripted(**NOISE, **environment))
    try:
        program.wait_ready()
        yield program
    finally:
        program.bury()


def limit_descriptors(program: Program, spare: int) -> None:
    """Leave the process so many descriptors beside those that are open."""
    highest = max(int(entry.name) for entry in Path(f"/proc/{program.pid}/fd").iterdir())
    _, hard = resource.prlimit(program.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(program.pid, resource.RLIMIT_NOFILE, (highest + 1 + spare, hard))


def unlimit_descriptors(program: Program) -> None:
    """As many as it may have."""
    _, hard = resource.prlimit(program.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(program.pid, resource.RLIMIT_NOFILE, (hard, hard))


def descriptors(program: Program) -> int:
    """Open descriptors of the process."""
    return len(os.listdir(f"/proc/{program.pid}/fd"))


def memory_bytes(program: Program) -> int:
    """Resident memory of the process."""
    return int(Path(f"/proc/{program.pid}/statm").read_text().split()[1]) * PAGE_BYTES


def peak_memory_bytes(program: Program) -> int:
    """The most it ever was, or was since `forget_peak`."""
    status = Path(f"/proc/{program.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def forget_peak(program: Program) -> None:
    """Count the peak from now on (proc(5), clear_refs)."""
    Path(f"/proc/{program.pid}/clear_refs").write_text("5")


def check_log(program: Program) -> None:
    """Assert that everything logged so far is short, no crash, and tells no key and no text."""
    for line in program.lines:
        assert len(line) <= RECORD_MAX, line[:2000]
        assert not [secret for secret in SECRETS if secret in line], line[:2000]
        assert not WORD_OF_A_REPLY.search(line), line[:2000]
        assert "Traceback" not in line, line[:2000]
        assert not re.search(r"[╭│╰]|locals", line), line[:2000]
    for level in _levels(program.lines):
        assert level in ("debug", "info", "warning"), level


def _levels(lines: list[str]) -> Iterator[str]:
    for line in lines:
        if line.startswith("{"):
            yield json.loads(line)["level"]
        elif found := re.match(r"\S+ \[(\w+) *\]", line):
            yield found[1]


__all__ = [
    "Victim",
    "check_log",
    "descriptors",
    "forget_peak",
    "limit_descriptors",
    "memory_bytes",
    "peak_memory_bytes",
    "unlimit_descriptors",
    "victim",
]
