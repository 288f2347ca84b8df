"""`python -m runtime`: the server. Exit status 0 after a drain, 3 for bad settings or an engine that was compiled for
another machine or other sizes, 1 if the engine did not come up, or died so often that restarting it makes no sense."""

import os
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from runtime import streams

if __name__ == "__main__":  # an engine's processes import this module as well, under another name
    streams.provide()
    # Ctrl+C while all below is imported: there is nothing to tidy up yet, and a traceback says nothing to anybody.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import structlog
import trio

from engines.errors import EngineError, EngineUnfit, place
from runtime import descriptors, logs
from runtime.process import Process
from runtime.settings import Settings, SettingsError, beneath, read_env_file, split_flags, take_env_file
from runtime.sockets import socket_directory
from runtime.surroundings import Surroundings, look_around
from runtime.tracebacks import leaves

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_REFUSED = 3
EXIT_INTERRUPTED = 130  # before it listened to signals
USAGE = """usage: python -m runtime [--host H] [--port P] [--env-file FILE] [--hf-home DIR] [any variable as a flag]

Serve until SIGINT or SIGTERM, then drain; a second one ends at once. A flag wins over the environment, the environment
over the file.

  --host H, --port P  where to listen (0.0.0.0, 8000)
  --env-file FILE     read NAME=value lines
  --NAME VALUE        any variable that is not secret, in lower case with dashes: --chat-max-out 200
  -h, --help          this text

environment: every variable of docs/settings.md; needed are TEXT_API_KEY, MAX_CONCURRENT_CONNECTIONS and the models

exit codes: 0 stopped after draining, 1 the server failed, 2 usage, 3 settings or machine refused"""


def main() -> int:
    """Run the server until it is told to stop."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # from here on something is tidied up
    try:
        flags, words = split_flags(sys.argv[1:])
        env_file, others = take_env_file(words)
        if others:
            print(USAGE, file=sys.stdout if set(others) <= {"-h", "--help"} else sys.stderr)
            return 0 if set(others) <= {"-h", "--help"} else EXIT_USAGE
        environ = os.environ  # noqa: TID251 - the one place that reads the environment
        merged = beneath(environ, read_env_file(env_file) if env_file is not None else {})
        settings = Settings.from_env(merged, flags)
        environ.update(merged)
        scarce = descriptors.provide(settings.deployment.max_concurrent_connections, settings.connections.max_pending)
        with socket_directory(settings, environ) as sockets:
            logs.configure(settings, environ)
            logs.tell_crashes()
            for warning in (*settings.warnings, *filter(None, [scarce])):
                structlog.get_logger().warning("settings.warned", warning=warning)
            return serve(settings, lambda scratch: look_around(settings, environ, scratch, sockets))
    except SettingsError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def serve(
    settings: Settings,
    surroundings: Callable[[Path], Surroundings],
    process: Callable[[Settings, Surroundings], Process] = Process,
) -> int:
    """Serve until told to stop; the exit status. `surroundings`: what is outside, given a directory to write to."""
    status = 0
    try:
        # What cannot be removed at the end is no failure of a server that has served.
        with tempfile.TemporaryDirectory(prefix="yap-", ignore_cleanup_errors=True) as scratch:
            trio.run(process(settings, surroundings(Path(scratch))).run, strict_exception_groups=True)
    except* EngineUnfit as group:
        status = EXIT_REFUSED
        structlog.get_logger().error("server.failed", error="; ".join(map(str, leaves(group))))
    except* (EngineError, OSError) as group:
        status = EXIT_FAILED
        structlog.get_logger().error("server.failed", error="; ".join(map(str, leaves(group))))
    except* Exception as group:
        # Nobody foresaw it, so nobody knows whose words are in it: its kind and its place are told, and no more.
        status = EXIT_FAILED
        structlog.get_logger().error("server.failed", error=f"unforeseen: {'; '.join(map(place, leaves(group)))}")
        structlog.get_logger().debug("server.failed_at", exc_info=group)
    return status


if __name__ == "__main__":
    sys.exit(main())
