"""pip of one virtual environment, run quietly: its output is kept, and its end is shown only when it fails.

Where uv is there it installs instead, several times as fast; pip still resolves, and takes over if uv fails.
"""

import json
import os
import signal
import subprocess
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tooling.setup import licences
from tooling.setup.errors import SetupError
from tooling.setup.output import lines
from tooling.setup.progress import Progress
from tooling.setup.uv import Uv
from tooling.setup.wholeness import discard_damaged

TAIL_LINES = 60
# A pip configuration that lists folders prints one warning for every folder and package, an update a line for all that
# stays as it is: they hide the real message.
NOISE = (
    "WARNING: Location ",
    "Looking in indexes",
    "Looking in links",
    "[notice]",
    "Requirement already satisfied",
)
# `--no-user` because PIP_USER=1, common on shared machines, makes every install into a virtual environment fail.
INSTALL = ("install", "--no-input", "--disable-pip-version-check", "--progress-bar", "off", "--no-user")
COUNTED = ("Collecting ", "Obtaining ")
# What pip and uv print when they come to the next part of their work.
PHASES = {"Installing collected": "unpacking", "Resolved ": "downloading", "Prepared ": "unpacking"}


@dataclass(frozen=True)
class Candidate:
    """What pip would install: canonical name, version, requirement strings, where it comes from, and its licence in
    its own words; empty: it has none, or this pip does not tell.
    """

    name: str
    version: str
    requires: tuple[str, ...]
    url: str
    licence: str = ""


class Installer:
    """pip, addressed as `python -m pip` of the environment it installs into, with uv before it where that is given.

    `holding`: descriptors that its processes keep open: the environment's lock, so that one that outlives us, because
    we were killed, still keeps others out. `pip`: the folder of another pip than the environment's own.
    """

    def __init__(
        self,
        python: Path,
        progress: Progress,
        *,
        uv: Uv | None = None,
        holding: Sequence[int] = (),
        pip: Path | None = None,
    ) -> None:
        self.python = python
        # -u: its lines are our progress
        self.command = [str(python), "-u", *(("-m", "pip") if pip is None else (str(pip),))]
        self.progress = progress
        self.uv = uv
        self.holding = tuple(holding)

    def install(self, *arguments: str, expected: int = 0) -> None:
        """Install, showing how many of `expected` packages pip has got to. Raises `SetupError` with its last lines."""
        if self.uv is not None:
            code, tail = self._run(self.uv.install(self.python, arguments), self.uv.environ, expected)
            if code == 0:
                return
            self.progress.say(f"uv cannot do this ({_reason(tail, code)}); pip does the rest")
            self.uv = None
            # What uv left half unpacked would look installed to pip.
            discard_damaged(self.python.parent.parent)
        code, tail = self._run([*self.command, *INSTALL, *arguments], None, expected)
        if code:
            raise SetupError(_failure(tail, code))

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

    def _run(self, command: Sequence[str], environ: Mapping[str, str] | None, expected: int) -> tuple[int, deque[str]]:
        """Exit code and last lines. Whatever interrupts us ends the child first, which then puts its own work right."""
        tail: deque[str] = deque(maxlen=TAIL_LINES)
        seen, phase = 0, ""
        with subprocess.Popen(
            command,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=self.holding,
        ) as process:
            try:
                for line in lines(process):
                    if line and not line.startswith(NOISE):
                        tail.append(line)
                        seen += line.startswith(COUNTED)
                        phase = next((what for start, what in PHASES.items() if line.startswith(start)), phase)
                    self.progress.tick(phase or (f"{seen}/{expected} packages" if expected and seen else "downloading"))
            except BaseException:
                os.kill(process.pid, signal.SIGINT)
                raise
        return process.returncode, tail


def candidates(report: Mapping[str, Any]) -> tuple[Candidate, ...]:
    """Read pip's installation report (version 1 of its JSON format)."""
    return tuple(
        Candidate(
            name=canonical(item["metadata"]["name"]),
            version=item["metadata"]["version"],
            requires=tuple(item["metadata"].get("requires_dist", ())),
            url=item["download_info"]["url"],
            licence=licences.said(item["metadata"]),
        )
        for item in report["install"]
    )


def canonical(name: str) -> str:
    """A distribution name in its one normal form: lower case, single hyphens (PEP 503)."""
    return "-".join(part for part in name.lower().replace("_", "-").replace(".", "-").split("-") if part)


def _reason(tail: Sequence[str] | deque[str], code: int) -> str:
    """uv's own words in one line: what failed, and the cause at the bottom of it."""
    lines = [line.strip() for line in tail if line.strip()]
    error = next((line for line in lines if line.startswith("error")), "")
    last = lines[-1] if lines else f"exit code {code}"
    return last if error in ("", last) else f"{error}: {last.removeprefix('Caused by: ')}"


def _failure(lines: Sequence[str] | deque[str], code: int) -> str:
    shown = "\n".join(f"    {line}" for line in lines) or "    (it printed nothing)"
    return f"pip failed with exit code {code}. Its last lines:\n{shown}"


__all__ = ["Candidate", "Installer", "candidates", "canonical"]
