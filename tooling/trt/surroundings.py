"""What a decision for TensorRT-LLM is made with besides the settings: GPUs, versions, the environment of workers."""

import os
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

from tooling.doctor.gathering import python_of
from tooling.doctor.interpreter import Interpreter
from tooling.doctor.pins import ROOT
from tooling.gpus import Gpu, architecture, facts
from tooling.gpus.toolkit import toolkit
from tooling.trt.versions import Versions, versions_of


@frozen(kw_only=True)
class Surroundings:
    """`python`: the interpreter of the workers; `sm`: the architecture to decide for, None where nobody knows it.

    `cpus`: how many processors there are; `path`: where workers find our modules, and what else they had.
    """

    home: Path
    python: str
    versions: Versions
    gpus: tuple[Gpu, ...] = ()
    sm: str | None = None
    cpus: int = 1
    path: tuple[str, ...] = (str(ROOT),)


def look_around(environ: Mapping[str, str], home: Path) -> Surroundings:
    """Look at this machine. Raises `Refusal` (3) for GPUs of different kinds."""
    python = python_of("trt", ROOT)
    gpus = facts(environ)
    versions = versions_of(Interpreter(python, environ).inside().packages, toolkit(environ))
    return Surroundings(
        home=home,
        python=python,
        # Without the library they are another environment's.
        versions=versions if versions.tensorrt_llm else Versions(),
        gpus=gpus,
        sm=architecture(gpus, environ),
        cpus=len(os.sched_getaffinity(0)),
        path=(str(ROOT), *filter(None, environ.get("PYTHONPATH", "").split(os.pathsep))),
    )


__all__ = ["Surroundings", "look_around"]
