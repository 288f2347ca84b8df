"""`python -m tooling.doctor.inside QUESTION` answers about the interpreter that runs it: one line of JSON, at the end.

Standard library only: it runs in every environment, also in broken ones. Questions: `facts [ENGINE]`, `import NAME`,
`devices`, `mpi`, `libpython`. An exception is an answer too, on stderr.
"""

import ctypes
import importlib
import json
import re
import sys
import sysconfig
from collections.abc import Callable
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tooling.usage import answer_help

OURS = ("runtime", "actors", "engines", "protocol", "tooling")
MPI_LIBRARIES = ("libmpi.so.40", "libmpi.so.12", "libmpi.so")
MAX_MPI_WORDS = 8192  # more than any MPI_MAX_LIBRARY_VERSION_STRING
CUDA_LINE = re.compile(r"^cuda\b[^=]*=\s*['\"]([0-9.]+)['\"]", re.MULTILINE)


def facts(engine: str = "") -> dict[str, Any]:
    """Versions, owners and roots; imports nothing large."""
    packages = {_canonical(each.metadata["Name"]): each.version for each in metadata.distributions() if each.metadata}
    owners = metadata.packages_distributions()
    specs = {name: find_spec(name) for name in OURS}
    return {
        "executable": sys.executable,
        "python": list(sys.version_info[:2]),
        "packages": packages,
        "owners": {name: sorted(set(owners.get(name, ()))) for name in OURS},
        "roots": sorted({str(Path(spec.origin).parent.parent) for spec in specs.values() if spec and spec.origin}),
        "lacking": [name for name, spec in specs.items() if spec is None],
        "unmet": unmet(engine, packages) if engine in packages else [],
        "torch_cuda": _built_for("torch"),
        "torchvision_cuda": _built_for("torchvision"),
    }


def unmet(name: str, packages: dict[str, str]) -> list[str]:
    """Requirements of a distribution that the installed versions do not meet, as `wanted (have)`."""
    try:
        requirements = importlib.import_module("packaging.requirements")
    except ImportError:
        return []
    found = []
    for text in metadata.requires(name) or ():
        wanted = requirements.Requirement(text)
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        have = packages.get(_canonical(wanted.name))
        if have is None or not wanted.specifier.contains(have, prereleases=True):
            found.append(f"{wanted.name}{wanted.specifier} ({have or 'missing'})")
    return found


def imported(name: str) -> dict[str, Any]:
    """Import a package and tell its version."""
    return {"version": str(getattr(importlib.import_module(name), "__version__", ""))}


def devices() -> dict[str, Any]:
    """How many GPUs torch sees; with none, it is made to say why."""
    cuda = importlib.import_module("torch").cuda
    if not cuda.device_count():
        cuda.init()
    return {"devices": cuda.device_count()}


def mpi() -> dict[str, Any]:
    """What the MPI library says of itself. `MPI_Get_library_version` may be called before MPI is initialised."""
    errors = []
    for name in MPI_LIBRARIES:
        try:
            library = ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
        except OSError as error:
            errors.append(str(error))
            continue
        words, length = ctypes.create_string_buffer(MAX_MPI_WORDS), ctypes.c_int()
        library.MPI_Get_library_version(words, ctypes.byref(length))
        return {"words": words.value.decode(errors="replace").partition("\n")[0]}
    raise OSError(errors[0])


def libpython() -> dict[str, Any]:
    """Load the interpreter's shared library, which compiled extensions may be linked to."""
    name = sysconfig.get_config_var("INSTSONAME") or ""
    if not name.startswith("libpython") or ".so" not in name:
        name = "libpython{}.{}.so.1.0".format(*sys.version_info[:2])
    ctypes.CDLL(name)
    return {"name": name}


def _built_for(package: str) -> str:
    # Read, not imported: importing takes seconds and may fail for reasons that another check tells.
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return ""
    try:
        found = CUDA_LINE.search((Path(spec.origin).parent / "version.py").read_text("utf-8"))
    except OSError:
        return ""
    return found[1] if found else ""


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


QUESTIONS: dict[str, Callable[..., dict[str, Any]]] = {
    "facts": facts,
    "import": imported,
    "devices": devices,
    "mpi": mpi,
    "libpython": libpython,
}

__all__ = ["OURS", "QUESTIONS", "devices", "facts", "imported", "libpython", "mpi", "unmet"]

if __name__ == "__main__":
    answer_help(__doc__, sys.argv[1:])
    print(json.dumps(QUESTIONS[sys.argv[1]](*sys.argv[2:])))
