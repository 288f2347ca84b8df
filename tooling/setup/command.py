"""The command line of the set-up."""

import argparse
import functools
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

from tooling import INTERRUPTED
from tooling.setup import onward, tensorrt
from tooling.setup.errors import MachineError, SetupError
from tooling.setup.progress import Progress
from tooling.setup.project import Project
from tooling.setup.resolve import make_locks
from tooling.setup.stages import TARGETS, set_up

ROOT = Path(__file__).resolve().parents[2]
GPU_DEVICE = Path("/dev/nvidiactl")
# What a machine without a GPU takes as well.
EITHER = ("cpu", "quant")
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
        "--any", action="store_true", help="install nothing where there is an environment already, whatever it is for"
    )
    made.add_argument("--quant", action="store_true", help="with what quantises for vLLM")
    made.add_argument(
        "--then",
        dest="words",
        nargs=argparse.REMAINDER,
        metavar="WORD",
        help="a module of ours and its words: it is run afterwards; for its help and its plan nothing is installed",
    )
    return made


def run(argv: list[str], environ: Mapping[str, str]) -> int:
    """Do what the arguments say; returns the exit code. Every failure is a message on stderr, never a traceback."""
    grammar = parser()
    arguments = grammar.parse_args(argv)
    if arguments.names and arguments.target != "lock":
        grammar.error(f"one target at a time; {' '.join(arguments.names)} is too much")
    words: list[str] = arguments.words or []
    if onward.only_tells(words):
        python = onward.teller(ROOT, arguments.target)
        if python is not None:
            return onward.become(python, words, environ)
        is_for_machines = "--json" in words  # which would take the sentence for a plan
        print(onward.untold(arguments.target, words), file=sys.stderr if is_for_machines else sys.stdout)
        return MachineError.exit_code if is_for_machines else 0
    if arguments.any and (python := _another(ROOT)) is not None:
        return onward.become(python, words, environ)
    if arguments.ask:
        code, target = _ask(Project(ROOT)), "trt" if onward.python_of(ROOT, "trt").exists() else "cpu"
    else:
        code, target = _made(arguments, environ), arguments.target
    return code or (onward.become(onward.python_of(ROOT, target), words, environ) if words else 0)


def _made(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
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


def _another(root: Path) -> Path | None:
    """The interpreter of an environment that was set up for a GPU, where there is none of the CPU's."""
    if (root / ".venvs" / "cpu").exists():
        return None
    there = (name for name in ("vllm", "trt") if (root / ".venvs" / name / "set-up.json").exists())
    return next((onward.python_of(root, name) for name in there), None)


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
    if target == "vllm" or arguments.quant:
        install("quant")


__all__ = ["parser", "run"]
