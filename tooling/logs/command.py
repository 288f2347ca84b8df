"""The command line of `just logs`."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tooling.ending import told
from tooling.logs.following import follow
from tooling.logs.reading import first_lines, last_lines
from tooling.refusal import FAILED, NOTHING_THERE, Refusal
from tooling.running.choosing import home_of, named_or_only, split
from tooling.running.program import grammar

LINES = 200
DEFAULT_LOG = "server.log"
ABOUT = """\
Show the log of a server, of its preparation too: the last lines, then what comes, across rotations. Ctrl+C leaves the
log and never reaches the server. Where none runs: the log of the last one, else server.log in this directory."""
CODES = "0 shown, or left with Ctrl+C; 1 it cannot be read; 2 usage, several run; 5 there is no log"


def run(argv: Sequence[str], environ: Mapping[str, str], directory: Path) -> int:
    """Show it; the exit code."""
    parser = grammar("logs", ABOUT, CODES)
    parser.add_argument("-n", metavar="N", type=_count, default=LINES, dest="last", help="the last N lines (200)")
    parser.add_argument("--head", metavar="N", type=_count, help="the first N lines and no more")
    parser.add_argument("--no-follow", action="store_true", help="end where the log ends now")
    options = parser.parse_args(argv)

    def work() -> int:
        path = log_of(home_of(environ), options.port, directory)
        try:
            if options.head is not None:
                for line in first_lines(path, options.head):
                    _write(line)
                return 0
            show(path, options.last, follows=not options.no_follow)
        except OSError as error:
            raise Refusal(f"{path} cannot be read: {error.strerror or error}", FAILED) from None
        return 0

    return told("logs", work, interrupted="", interrupted_code=0)


def log_of(home: Path, key: str | None, directory: Path) -> Path:
    """The log that is meant. Raises `Refusal` where there is none, or more than one could be."""
    state = named_or_only(home, key, "logs")
    if state is None and key is None:
        state = max(split(home)[0], key=lambda one: one.started, default=None)
    if state is not None and Path(state.log).exists():
        return Path(state.log)
    here = directory / DEFAULT_LOG
    if state is None and key is None and here.exists():
        return here
    gone = f"{state.log} is gone" if state is not None else f"nothing was launched{f' on port {key}' if key else ''}"
    raise Refusal(f"{gone}: there is no log to show; just status lists the servers", NOTHING_THERE)


def show(path: Path, lines: int, *, follows: bool, write: Callable[[bytes], None] | None = None) -> None:
    """The last lines of a log, then what comes until Ctrl+C. Raises `OSError`."""
    write = write or _write
    found, stream = last_lines(path, lines)
    write(b"".join(found))
    if follows:
        follow(path, write, stream)
    elif stream is not None:
        stream.close()


def _write(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of lines")
    return int(text)


__all__ = ["log_of", "run", "show"]
