"""`python -m tooling.benchmarks.serving.dummy_weights`: `python -m runtime`, but the weights are random numbers."""

import os
import sys

from attrs import evolve

from runtime import logs
from runtime.__main__ import serve
from runtime.settings import Settings, SettingsError
from runtime.surroundings import look_around


def main() -> int:
    """Serve a model of which only the config and the tokenizer are there."""
    environ = os.environ  # noqa: TID251 - an entry module
    try:
        settings = Settings.from_env(environ)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    logs.configure(settings)
    return serve(settings, lambda scratch: evolve(look_around(settings, environ, scratch), load_format="dummy"))


if __name__ == "__main__":
    sys.exit(main())
