"""The command line of the diagnosis."""

import argparse
import io
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from runtime.settings import SettingsError, beneath, read_env_file, split_flags
from runtime.settings.sections import FLAGS
from tooling import INTERRUPTED, usage
from tooling.doctor.checks import examine
from tooling.doctor.facts import Facts
from tooling.doctor.gathering import gather
from tooling.doctor.report import as_json, failed, table

Say = Callable[[str], None]


class Gather(Protocol):
    """Where the facts come from."""

    def __call__(self, engine: str | None, environ: Mapping[str, str], say: Say, *, gpu: bool) -> Facts:
        """The facts about an engine, with or without GPUs."""


DESCRIPTION = "Say what would keep a server from running here, and what to do about it. Changes nothing."
DETAILS = """\
Without --engine the machine, the settings and the CPU's environment are looked at; with one also that engine's
environment (.venvs/ENGINE, else the interpreter that runs this), its library, and for trt CUDA 13, Python and MPI.
Any setting but the engine can also be given as a flag, which wins over the environment: --hf-home DIR."""
VARIABLES = "every variable of docs/settings.md, MPI_VERSION_PIN among them; CUDA_VISIBLE_DEVICES, PATH"
CODES = "0 nothing fails, 1 something does, 2 usage, 3 the --env-file cannot be read, 130 interrupted"


def parser() -> argparse.ArgumentParser:
    """The grammar."""
    made = usage.parser("just doctor", f"{DESCRIPTION}\n\n{DETAILS}", environment=VARIABLES, codes=CODES)
    made.add_argument("--engine", choices=["cpu", "vllm", "trt"], help="add the checks of this engine")
    made.add_argument("--no-gpu", action="store_true", help="leave GPUs and driver out (for building images)")
    made.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    made.add_argument("--env-file", type=Path, metavar="F", help="read NAME=value lines; the environment wins")
    return made


def run(argv: Sequence[str], environ: Mapping[str, str], gather: Gather = gather) -> int:
    """Diagnose and print; returns the exit code."""
    grammar = parser()
    arguments, words = grammar.parse_known_args(argv)
    try:
        flags, others = split_flags(words)
        if others:
            grammar.error(f"unrecognised: {' '.join(others)}")
        file = read_env_file(arguments.env_file.expanduser()) if arguments.env_file else {}
    except SettingsError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    environ = {**beneath(environ, file), **{FLAGS[flag].name: text for flag, text in flags.items()}}
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # an error text may hold what this terminal cannot show
    try:
        findings = examine(gather(arguments.engine, environ, _say, gpu=not arguments.no_gpu))
    except KeyboardInterrupt:
        print("doctor: interrupted", file=sys.stderr)
        return INTERRUPTED
    if arguments.json:
        print(as_json(arguments.engine, findings))
    else:
        print(table(findings, colours=sys.stdout.isatty() and not environ.get("NO_COLOR")))
    return 1 if failed(findings) else 0


def _say(step: str) -> None:
    print(f"doctor: {step} ...", file=sys.stderr, flush=True)


__all__ = ["parser", "run"]
