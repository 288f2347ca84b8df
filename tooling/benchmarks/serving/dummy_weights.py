"""`python -m tooling.benchmarks.serving.dummy_weights`: `python -m runtime`, but the weights are random numbers."""

import os
import sys
import tempfile
from pathlib import Path

import trio
from attrs import evolve

from runtime import logs
from runtime.process import Process
from runtime.settings import Settings
from runtime.surroundings import look_around


def main() -> int:
    """Serve a model of which only the config and the tokenizer are there."""
    environ = os.environ  # noqa: TID251 - an entry module
    settings = Settings.from_env(environ)
    logs.configure(settings)
    with tempfile.TemporaryDirectory(prefix="yap-") as scratch:
        around = evolve(look_around(settings, environ, Path(scratch)), load_format="dummy")
        trio.run(Process(settings, around).run, strict_exception_groups=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
