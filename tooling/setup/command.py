"""The command line of the set-up."""

import argparse
import functools
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

from tooling import INTERRUPTED
from tooling.setup import tensorrt
from tooling.setup.environment import Environment
from tooling.setup.errors import MachineError, SetupError
from tooling.setup.progress import Progress
from tooling.setup.project import Project
from tooling.setup.resolve import make_locks
from tooling.setup.stages import TARGETS, set_up

ROOT = Path(__file__).resolve().parents[2]
GPU_DEVICE = Path("/dev/nvidiactl")
# What a machine without a GPU takes as well.
EITHER = ("cpu", "quant")
# What a command says that only tells something: its help, or what it would do.
TELLING = frozenset({"-h", "--help", "--plan"})
# Other words for a target.
WORDS = {"dev": "cpu", "tool": "cpu"}
NO_TRT = (
    "TensorRT-LLM is not installed: install it with `just setup trt` (its wheel comes from NVIDIA's index, "
    f"{tensorrt.INDEX})"
)
DESCRIPTION = """\
Make or update a virtual environment under .venvs/, from exact versions; quick when nothing changed.

  cpu     vLLM and torch for the CPU; the default
  dev     cpu with --dev
  vllm    vLLM for NVIDIA GPUs, and quant
  quant   what quantises for vLLM, with the torch of the GPU where there is one
  tool    what `just run-tool` serves with: vllm on an NVIDIA GPU, else cpu
  trt     TensorRT-LLM
  lock    resolve the exact versions again: all of them, or those of the environments named; `licences` asks only what
          the packages say of theirs"""
EPILOG = """\
environment:
  PATH               uv is used where it is found, else pip
  PIP_*, pip.conf    indexes, folders, constraints, certificates, proxies; uv is told what stands there
  UV_*               uv's own settings, which win
  MPI_VERSION_PIN    trt: the version of Open MPI to ask for

exit codes: 0 done, 1 a step failed, 2 usage, 3 this machine cannot, 130, 143 interrupted, terminated: run it again"""


class Terminated(BaseException):
    """SIGTERM or SIGHUP came; what is running is ended in an orderly way."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


def parser() -> argparse.ArgumentParser:
    """The grammar: a target, or `lock` with names."""
    made = argparse.ArgumentParser(
        prog="just setup",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("target", nargs="?", default="cpu", choices=[*TARGETS, *WORDS, "lock"], metavar="TARGET")
    made.add_argument("names", nargs="*", metavar="NAME", help="lock: which")
    made.add_argument("--dev", action="store_true", help="with the linters and test tools")
    made.add_argument("--bench", action="store_true", help="with the rivals in benchmarks")
    made.add_argument(
        "--no-gpu", action="store_true", help="vllm, trt, quant: install for one although no NVIDIA GPU is here"
    )
    made.add_argument(
        "--ask", action="store_true", help="trt: install nothing, fail if a launch has nothing to run with"
    )
    made.add_argument(
        "--for",
        dest="words",
        nargs=argparse.REMAINDER,
        metavar="WORD",
        help="the words of the command to come: its help and its plan need no GPU and no environment of their own",
    )
    return made


def run(argv: list[str], environ: Mapping[str, str]) -> int:
    """Do what the arguments say; returns the exit code. Every failure is a message on stderr, never a traceback."""
    grammar = parser()
    arguments = grammar.parse_args(argv)
    if arguments.names and arguments.target != "lock":
        grammar.error(f"one target at a time; {' '.join(arguments.names)} is too much")
    if not TELLING.isdisjoint(arguments.words or ()):
        target = _teller(arguments.target, gpu=arguments.no_gpu or GPU_DEVICE.exists())
        if target is None:
            return 0
        arguments.target, arguments.ask = target, False
    if arguments.ask:
        return _ask(Project(ROOT))
    progress = Progress(sys.stderr)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _terminate)
    try:
        _act(arguments, environ, Project(ROOT), progress)
    except SetupError as error:
        progress.say(f"FAILED: {error}")
        return error.exit_code
    except OSError as error:
        progress.say(f"FAILED: {error}. What was installed before stays; mend it and run this again")
        return SetupError.exit_code
    except KeyboardInterrupt:
        progress.say("interrupted; run it again to go on")
        return INTERRUPTED
    except Terminated as end:
        progress.say("terminated; run it again to go on")
        return end.exit_code
    return 0


def _teller(target: str, *, gpu: bool) -> str | None:
    """The environment to set up for a command that only tells something; None where nothing has to be."""
    if target == "quant" or Environment(ROOT / ".venvs" / target).python.exists():
        return None  # plans are made without the first; the justfile takes the second
    return target if target == "vllm" and gpu else "cpu"


def _terminate(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # a second one would cut the tidying short
    raise Terminated(number)


def _ask(project: Project) -> int:
    if tensorrt.is_ready(project.root):
        return 0
    print(f"run: {NO_TRT}", file=sys.stderr)
    return MachineError.exit_code


def _act(arguments: argparse.Namespace, environ: Mapping[str, str], project: Project, progress: Progress) -> None:
    if arguments.target == "lock":
        for path in make_locks(project, progress, arguments.names):
            progress.say(f"wrote {path.relative_to(project.root)}")
        return
    if not sys.platform.startswith("linux"):
        raise MachineError(
            f"the engines have wheels for Linux only, this is {sys.platform}: use a Linux machine or container"
        )
    gpu = arguments.no_gpu or GPU_DEVICE.exists()
    target = WORDS.get(arguments.target, arguments.target)
    if arguments.target == "tool" and gpu:
        target = "vllm"
    if target not in EITHER and not gpu:
        raise MachineError(f"no NVIDIA GPU here ({GPU_DEVICE} is missing); without one: just run")
    interpreter = sys.executable
    if target == "trt":
        interpreter = tensorrt.python_for_trt()
        tensorrt.require_mpi(environ)
    install = functools.partial(set_up, project, progress=progress, environ=environ, gpu=gpu, interpreter=interpreter)
    install(target, dev=arguments.dev or arguments.target == "dev", bench=arguments.bench)
    if target == "vllm":
        install("quant")


__all__ = ["parser", "run"]
