"""Driver, CUDA toolkit, torch's CUDA, Python, pins, and where our own packages come from."""

from collections.abc import Mapping

from tooling.doctor.facts import Facts
from tooling.doctor.finding import Check, Finding, fail, ok, warn
from tooling.doctor.pins import DISTRIBUTION

TRT_CUDA = (13, 0)
TRT_PYTHON = (3, 12)
OLDEST_PYTHON = (3, 11)
SHOWN = 4
NEEDED = {
    "trt": "TensorRT-LLM needs one that runs CUDA 13.0, which is 580 or newer",
    "vllm": "vLLM on a GPU needs one that runs the CUDA its torch was built for",
}


def driver(facts: Facts) -> Finding | None:
    """The driver runs the CUDA that is needed: 13.0 for TensorRT-LLM, else the one torch was built for."""
    if not facts.gpu:
        return None
    if not facts.nvidia.source:
        wanted = NEEDED.get(facts.engine or "")
        return fail("driver", f"no NVIDIA driver; {wanted}", "install it on the host") if wanted else None
    line = f"driver {facts.nvidia.driver}, runs CUDA up to {facts.nvidia.cuda or 'unknown'}"
    runs, remedy = _version(facts.nvidia.cuda), "install a newer NVIDIA driver on the host; a container cannot"
    if facts.engine == "trt" and runs < TRT_CUDA:
        return fail("driver", f"{line}; {NEEDED['trt']}", remedy)
    # Any driver of a major version runs every CUDA of it (NVIDIA's minor version compatibility).
    if facts.engine == "vllm" and runs[0] < _version(facts.inside.torch_cuda)[0]:
        return fail("driver", f"{line}; torch was built for CUDA {facts.inside.torch_cuda}", remedy)
    return ok("driver", line)


def toolkit(facts: Facts) -> Finding | None:
    """The CUDA toolkit on PATH is not older than what TensorRT-LLM was built with."""
    if facts.engine != "trt" or not facts.gpu:
        return None
    found = facts.attempts.toolkit
    if not found:
        return warn(
            "toolkit", "no CUDA toolkit (nvcc) found", "building engines wants CUDA 13.0 or newer, serving does not"
        )
    if _version(found) < TRT_CUDA:
        return fail(
            "toolkit",
            f"CUDA toolkit {found}; TensorRT-LLM needs 13.0 or newer",
            "put a CUDA 13 toolkit first on PATH; installing Open MPI packages may have brought the older one",
        )
    return ok("toolkit", f"CUDA toolkit {found}")


def torch(facts: Facts) -> Finding | None:
    """torch was built for CUDA where the engine needs that, and torchvision for the same one."""
    inside, built = facts.inside, facts.inside.torch_cuda
    if facts.engine not in ("vllm", "trt") or "torch" not in inside.packages:
        return None
    line, again = f"torch {inside.packages['torch']} for CUDA {built or 'none'}", f"just setup {facts.engine}"
    if not built:
        return fail("torch", f"{line}: this is a build for the CPU", f"install it again: {again}")
    if facts.engine == "trt" and _version(built) < TRT_CUDA:
        return fail("torch", f"{line}; TensorRT-LLM needs 13.0 or newer", f"take the cu130 build: {again}")
    if inside.torchvision_cuda and inside.torchvision_cuda != built:
        return fail(
            "torch", f"{line}, torchvision for CUDA {inside.torchvision_cuda}", f"install both from one index: {again}"
        )
    return ok("torch", line)


def python(facts: Facts) -> Finding | None:
    """The interpreter is one that the engine is published for."""
    inside = facts.inside
    if inside.trouble:
        return fail("Python", f"{inside.executable}: {inside.trouble}", f"just setup {facts.engine or 'cpu'}")
    line = "Python {}.{}".format(*inside.python) + f", {inside.executable}"
    if facts.engine == "trt" and inside.python != TRT_PYTHON:
        return fail(
            "Python",
            f"{line}; TensorRT-LLM is published for 3.10 and 3.12",
            "install Python 3.12, remove .venvs/trt if it is there, then: just setup trt",
        )
    if inside.python < OLDEST_PYTHON:
        return fail("Python", f"{line}; 3.11 or newer is needed", "name one: just python=/path/to/python3.12 setup")
    return ok("Python", line)


def pinned(facts: Facts) -> Finding | None:
    """What is installed is what the project pins."""
    inside = facts.inside
    if inside.trouble or not facts.pins:
        return None
    other = differing(inside.packages, facts.pins)
    if not other:
        return ok("pins", f"{len(facts.pins)} pinned packages are as pinned")
    return warn("pins", other, f"just setup {facts.engine}")


def up_to_date(facts: Facts) -> Finding | None:
    """The environment is the one that the lock of today makes, and was made to its end."""
    if not facts.behind:
        return None
    target = facts.engine or "cpu"
    return warn(
        "set-up",
        f".venvs/{target} is behind the project, or was cut short: {', '.join(facts.behind)}",
        f"just setup {target}",
    )


def differing(packages: Mapping[str, str], pins: Mapping[str, str]) -> str:
    """The packages that are not as pinned, the first few by name; empty if all are."""
    other = [
        f"{name} {packages.get(name, 'missing')}, not {version}"
        for name, version in pins.items()
        if not _is(packages.get(name), version)
    ]
    return "; ".join(other[:SHOWN]) + (f"; and {len(other) - SHOWN} more" if len(other) > SHOWN else "")


def our_packages(facts: Facts) -> Finding | None:
    """Our five packages come from one place, and no other distribution has one of those names."""
    inside = facts.inside
    if inside.trouble:
        return None
    foreign = [
        f"{name} of {owner}"
        for name, owners in sorted(inside.owners.items())
        for owner in owners
        if owner.lower().replace("_", "-") != DISTRIBUTION
    ]
    if foreign:
        return fail(
            "our packages", f"other distributions bring packages of our names: {', '.join(foreign)}", "uninstall them"
        )
    if inside.lacking:
        return fail("our packages", f"not found: {', '.join(inside.lacking)}", f"just setup {facts.engine or 'cpu'}")
    if len(inside.roots) > 1:
        return fail(
            "our packages", f"they come from several places: {', '.join(inside.roots)}", "uninstall all but one"
        )
    return ok("our packages", f"all five from {', '.join(inside.roots)}")


def _is(found: str | None, pin: str) -> bool:
    return found is not None and (found == pin or found.partition("+")[0] == pin)


def _version(text: str) -> tuple[int, int]:
    parts = [int(part) for part in text.split(".")[:2] if part.isdigit()]
    return (parts[0], parts[1] if len(parts) > 1 else 0) if parts else (0, 0)


CHECKS: tuple[Check, ...] = (driver, toolkit, torch, python, up_to_date, pinned, our_packages)

__all__ = ["CHECKS", "differing", "driver", "our_packages", "pinned", "python", "toolkit", "torch", "up_to_date"]
