"""The command line of the set-up."""

import argparse
import sys
from pathlib import Path

from tooling.setup.errors import MachineError, SetupError
from tooling.setup.progress import Progress
from tooling.setup.project import Project
from tooling.setup.resolve import make_locks
from tooling.setup.stages import TARGETS, set_up

ROOT = Path(__file__).resolve().parents[2]
INTERRUPTED = 130
GPU_DEVICE = Path("/dev/nvidiactl")
DESCRIPTION = "Make or update a virtual environment under .venvs/. Quick when nothing changed."


def parser() -> argparse.ArgumentParser:
    """The grammar: a target, or `lock`."""
    made = argparse.ArgumentParser(prog="python3 -m tooling.setup", description=DESCRIPTION)
    made.add_argument("target", nargs="?", default="cpu", choices=[*TARGETS, "lock"], help="default: cpu")
    made.add_argument("--dev", action="store_true", help="with the linters and test tools")
    made.add_argument("--no-gpu", action="store_true", help="vllm: install although no NVIDIA GPU is here (images)")
    return made


def run(argv: list[str]) -> int:
    """Do what the arguments say; returns the exit code. Every failure is a message on stderr, never a traceback."""
    arguments = parser().parse_args(argv)
    progress = Progress(sys.stderr)
    try:
        _act(arguments, Project(ROOT), progress)
    except SetupError as error:
        progress.say(f"FAILED: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        progress.say("interrupted; run it again to go on")
        return INTERRUPTED
    return 0


def _act(arguments: argparse.Namespace, project: Project, progress: Progress) -> None:
    if arguments.target == "lock":
        for path in make_locks(project, progress):
            progress.say(f"wrote {path.relative_to(project.root)}")
        return
    if not sys.platform.startswith("linux"):
        raise MachineError(f"vLLM has wheels for Linux only, this is {sys.platform}: use a Linux machine or container")
    if arguments.target == "vllm" and not (arguments.no_gpu or GPU_DEVICE.exists()):
        raise MachineError(f"no NVIDIA GPU here ({GPU_DEVICE} is missing); without one: just run")
    set_up(project, arguments.target, progress, dev=arguments.dev)


__all__ = ["parser", "run"]
