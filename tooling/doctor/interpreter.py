"""Asks the interpreter that would serve, in children of it: a broken library ends a child and not the diagnosis."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from tooling.doctor.facts import Inside

FACTS_S = 60.0
# TensorRT-LLM and vLLM take half a minute from a cold disk.
IMPORT_S = 240.0
MAX_WORDS = 300


@frozen
class Interpreter:
    """One Python. Answers are what `tooling.doctor.inside` prints; an error is the last line it wrote."""

    python: str
    environ: Mapping[str, str]

    def ask(self, *question: str, timeout_s: float = FACTS_S) -> tuple[Mapping[str, Any], str]:
        """The answer, or the error; one of them is empty."""
        command = [self.python, "-m", "tooling.doctor.inside", *question]
        try:
            done = subprocess.run(
                command,
                env=dict(self.environ),
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout_s,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired:
            return {}, f"no answer within {timeout_s:.0f} s"
        except OSError as error:
            return {}, f"{self.python} cannot be started: {error.strerror or error}"
        if done.returncode:
            return {}, _last_words(done.stderr) or f"ended with status {done.returncode}"
        try:
            answer = json.loads(done.stdout.splitlines()[-1])
        except (IndexError, ValueError):
            return {}, "said nothing that can be read"
        return (answer, "") if isinstance(answer, dict) else ({}, "said nothing that can be read")

    def inside(self, engine: str = "") -> Inside:
        """Versions and places; `engine`: the distribution whose requirements are looked at."""
        found, trouble = self.ask("facts", *filter(None, [engine]))
        if trouble:
            return Inside(executable=self.python, trouble=trouble)
        major, minor = found["python"]
        return Inside(
            executable=found["executable"],
            python=(major, minor),
            packages=found["packages"],
            owners={name: tuple(owners) for name, owners in found["owners"].items()},
            roots=tuple(found["roots"]),
            lacking=tuple(found["lacking"]),
            unmet=tuple(found["unmet"]),
            torch_cuda=found["torch_cuda"],
            torchvision_cuda=found["torchvision_cuda"],
        )

    def beside(self, program: str) -> bool:
        """Whether the environment brings this program."""
        return (Path(self.python).parent / program).is_file()


def output_of(command: Sequence[str], timeout_s: float = 20.0) -> str:
    """What a program prints, empty if it is missing, fails or does not end."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=timeout_s, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def _last_words(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:MAX_WORDS] if lines else ""


__all__ = ["IMPORT_S", "Interpreter", "output_of"]
