"""pip of one virtual environment, run quietly: its output is kept, and its end is shown only when it fails."""

import json
import subprocess
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tooling.setup.errors import SetupError
from tooling.setup.output import lines
from tooling.setup.progress import Progress

TAIL_LINES = 60
# A pip configuration that lists folders prints one warning for every folder and package: they hide the real message.
NOISE = ("WARNING: Location ", "Looking in indexes", "Looking in links", "[notice]")
# `--no-user` because PIP_USER=1, common on shared machines, makes every install into a virtual environment fail.
INSTALL = ("install", "--no-input", "--disable-pip-version-check", "--progress-bar", "off", "--no-user")
COUNTED = ("Collecting ", "Obtaining ")


@dataclass(frozen=True)
class Candidate:
    """What pip would install: canonical name, version, requirement strings, and where it comes from."""

    name: str
    version: str
    requires: tuple[str, ...]
    url: str


class Installer:
    """pip, addressed as `python -m pip` of the environment it installs into."""

    def __init__(self, python: Path, progress: Progress) -> None:
        self.command = [str(python), "-u", "-m", "pip"]  # -u: its lines are our progress
        self.progress = progress

    def install(self, *arguments: str, expected: int = 0) -> None:
        """Install, showing how many of `expected` packages pip has got to. Raises `SetupError` with its last lines."""
        tail: deque[str] = deque(maxlen=TAIL_LINES)
        seen, phase = 0, ""
        with subprocess.Popen(
            [*self.command, *INSTALL, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            for line in lines(process):
                if line and not line.startswith(NOISE):
                    tail.append(line)
                    seen += line.startswith(COUNTED)
                    phase = "unpacking" if line.startswith("Installing collected") else phase
                self.progress.tick(phase or (f"{seen}/{expected} packages" if expected else "downloading"))
        if process.returncode:
            raise SetupError(_failure(tail, process.returncode))

    def resolve(self, *arguments: str) -> tuple[Candidate, ...]:
        """What an install of these requirements would bring. Raises `SetupError` with pip's last lines."""
        done = subprocess.run(
            [*self.command, *INSTALL, "--dry-run", "--ignore-installed", "--quiet", "--report", "-", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode:
            kept = [line for line in done.stderr.splitlines() if not line.startswith(NOISE)]
            raise SetupError(_failure(kept[-TAIL_LINES:], done.returncode))
        return candidates(json.loads(done.stdout))


def candidates(report: Mapping[str, Any]) -> tuple[Candidate, ...]:
    """Read pip's installation report (version 1 of its JSON format)."""
    return tuple(
        Candidate(
            name=canonical(item["metadata"]["name"]),
            version=item["metadata"]["version"],
            requires=tuple(item["metadata"].get("requires_dist", ())),
            url=item["download_info"]["url"],
        )
        for item in report["install"]
    )


def canonical(name: str) -> str:
    """A distribution name in its one normal form: lower case, single hyphens (PEP 503)."""
    return "-".join(part for part in name.lower().replace("_", "-").replace(".", "-").split("-") if part)


def _failure(lines: Sequence[str] | deque[str], code: int) -> str:
    shown = "\n".join(f"    {line}" for line in lines) or "    (it printed nothing)"
    return f"pip failed with exit code {code}. Its last lines:\n{shown}"


__all__ = ["Candidate", "Installer", "candidates", "canonical"]
