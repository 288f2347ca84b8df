"""What happens when the interpreter is too old: a newer one on PATH takes over, or a sentence says what to install."""

import os
import shutil
import sys
from collections.abc import Mapping

CANDIDATES = ("python3.14", "python3.13", "python3.12", "python3.11")


def run(argv: "list[str]", environ: "Mapping[str, str]") -> int:
    """Become a newer interpreter with the same module; returns 3 when there is none.

    Kept in syntax that old interpreters read.
    """
    started = sys.modules["__main__"].__spec__
    assert started is not None, "started with python -m"
    module = started.name.rpartition(".")[0]  # without .__main__
    for name in CANDIDATES:
        found = shutil.which(name)
        if found:
            os.execve(found, [found, "-m", module] + argv, environ)  # noqa: S606, RUF005  # no shell; old syntax
    name, version = module.rpartition(".")[2], ".".join(str(part) for part in sys.version_info[:2])
    print(
        f"{name}: Python 3.11 or newer is needed, this is {version} and PATH has none of {', '.join(CANDIDATES)}.\n"
        "Install one and run this again, or name it: just python=/path/to/python3.12 run",
        file=sys.stderr,
    )
    return 3


__all__ = ["run"]
