"""`python -m tooling.benchmarks.serving.dummy_weights`: `python -m runtime`, but the weights are random numbers."""

import os
import sys
from collections.abc import Callable

from attrs import evolve

from runtime import logs
from runtime.__main__ import serve
from runtime.process import Process
from runtime.settings import Settings, SettingsError
from runtime.surroundings import Surroundings, look_around
from tooling.usage import answer_help


def start(load_format: str, process: Callable[[Settings, Surroundings], Process] = Process) -> int:
    """Serve what the environment says; the exit status. `load_format`: vLLM's; with `dummy` the weights are random."""
    environ = os.environ  # noqa: TID251 - an entry module
    try:
        settings = Settings.from_env(environ)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    logs.configure(settings, environ)
    return serve(
        settings, lambda scratch: evolve(look_around(settings, environ, scratch), load_format=load_format), process
    )


if __name__ == "__main__":
    answer_help(__doc__, sys.argv[1:])
    sys.exit(start("dummy"))
