"""The command line of the set-up."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from tooling.setup import tensorrt
from tooling.setup.errors import MachineError, SetupError
from tooling.setup.progress import Progress
from tooling.setup.project import Project
from tooling.setup.resolve import make_locks
from tooling.setup.stages import TARGETS, set_up

ROOT = Path(__file__).resolve().parents[2]
INTERRUPTED = 130
GPU_DEVICE = Path("/dev/nvidiactl")
# What a machine without a GPU takes as well.
EITHER = ("cpu", "quant")
NO_TRT = (
    "TensorRT-LLM is not installed: install it with `just setup trt` (its wheel comes from NVIDIA's index, "
    f"{tensorrt.INDEX})"
)
DESCRIPTION = "Make or update a virtual environment under .venvs/. Quick when nothing changed."


def parser() -> argparse.ArgumentParser:
    """The grammar: a target, or `lock`."""
    made = argparse.ArgumentParser(prog="python3 -m tooling.setup", description=DESCRIPTION)
    made.add_argument("target", nargs="?", default="cpu", choices=[*TARGETS, "lock"], help="default: cpu")
    made.add_argument("--dev", action="store_true", help="with the linters and test tools")
    made.add_argument("--bench", action="store_true", help="with the rivals in benchmarks")
    made.add_argument(
        "--no-gpu", action="store_true", help="vllm, trt, quant: install for one although no NVIDIA GPU is here"
    )
    made.add_argument(
        "--ask", action="store_true", help="trt: install nothing, fail if a launch has nothing to run with"
    )
    return made


def run(argv: list[str], environ: Mapping[str, str]) -> int:
    """Do what the arguments say; returns the exit code. Every failure is a message on stderr, never a traceback."""
    arguments = parser().parse_args(argv)
    if arguments.ask:
        return _ask(Project(ROOT))
    progress = Progress(sys.stderr)
    try:
        _act(arguments, environ, Project(ROOT), progress)
    except SetupError as error:
        progress.say(f"FAILED: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        progress.say("interrupted; run it again to go on")
        return INTERRUPTED
    return 0


def _ask(project: Project) -> int:
    if tensorrt.is_ready(project.root):
        return 0
    print(f"run: {NO_TRT}", file=sys.stderr)
    return MachineError.exit_code


def _act(arguments: argparse.Namespace, environ: Mapping[str, str], project: Project, progress: Progress) -> None:
    if arguments.target == "lock":
        for path in make_locks(project, progress):
            progress.say(f"wrote {path.relative_to(project.root)}")
        return
    if not sys.platform.startswith("linux"):
        raise MachineError(
            f"the engines have wheels for Linux only, this is {sys.platform}: use a Linux machine or container"
        )
    gpu = arguments.no_gpu or GPU_DEVICE.exists()
    if arguments.target not in EITHER and not gpu:
        raise MachineError(f"no NVIDIA GPU here ({GPU_DEVICE} is missing); without one: just run")
    interpreter = sys.executable
    if arguments.target == "trt":
        interpreter = tensorrt.python_for_trt()
        tensorrt.require_mpi(environ)
    set_up(
        project,
        arguments.target,
        progress,
        dev=arguments.dev,
        bench=arguments.bench,
        gpu=gpu,
        interpreter=interpreter,
    )


__all__ = ["parser", "run"]
