"""`python -m runtime`: the server. Exit status 0 after a drain, 1 if the engine did not come up, 3 for bad settings."""

import os
import sys
import tempfile
from pathlib import Path

import structlog
import trio

from engines.errors import EngineError
from engines.vllm import apply_library_env
from runtime import logs
from runtime.chat_engine import Surroundings
from runtime.gpus import visible_gpus
from runtime.process import Process
from runtime.settings import Settings, SettingsError, split_flags

EXIT_FAILED = 1
EXIT_USAGE = 2
USAGE = "usage: python -m runtime [--host H] [--port P] [any variable as a flag]; see docs/settings.md"


def main() -> int:
    """Run the server until it is told to stop."""
    try:
        flags, others = split_flags(sys.argv[1:])
        if others:
            print(USAGE, file=sys.stdout if set(others) <= {"-h", "--help"} else sys.stderr)
            return 0 if set(others) <= {"-h", "--help"} else EXIT_USAGE
        settings = Settings.from_env(os.environ, flags)  # noqa: TID251 - the one place that reads the environment
    except SettingsError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    logs.configure(settings)
    for warning in settings.warnings:
        structlog.get_logger().warning("settings.warned", warning=warning)
    failed = False
    try:
        with tempfile.TemporaryDirectory(prefix="yap-") as scratch:
            trio.run(Process(settings, _surroundings(settings, Path(scratch))).run, strict_exception_groups=True)
    except* EngineError as group:
        failed = True
        structlog.get_logger().error("server.failed", error="; ".join(map(str, group.exceptions)))
    except* OSError as group:
        failed = True
        structlog.get_logger().error("server.failed", error="; ".join(map(str, group.exceptions)))
    return EXIT_FAILED if failed else 0


def _surroundings(settings: Settings, scratch: Path) -> Surroundings:
    """What the machine has; and the library variables, which libraries read when they are imported."""
    environ = os.environ  # noqa: TID251 - the entry module
    gpus = visible_gpus(environ)
    if settings.deployment.skip_env_autoconfig:
        return Surroundings(gpus=gpus)
    error_log = scratch / "engine-errors.log"
    mark = apply_library_env(environ, gpu=bool(gpus), verbose=settings.logs.show_vllm_logs, error_log=error_log)
    return Surroundings(gpus=gpus, mark=mark, error_log=error_log)


if __name__ == "__main__":
    sys.exit(main())
