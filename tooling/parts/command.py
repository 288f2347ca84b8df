"""The command line of the parts."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tooling import INTERRUPTED, usage
from tooling.parts.store import HOME, ensure
from tooling.parts.table import PARTS
from tooling.setup.errors import SetupError
from tooling.setup.progress import Progress

CODES = "0 they are there, 1 a step failed, 2 usage, 3 this machine cannot, 130 interrupted"
DESCRIPTION = "Fetch programs that tests run beside ours, without root. Prints the directory of each, one a line."


def run(argv: list[str], environ: Mapping[str, str]) -> int:
    """Do what the arguments say in this checkout; returns the exit code."""
    return fetch(argv, environ, HOME)


def fetch(argv: Sequence[str], environ: Mapping[str, str], home: Path) -> int:
    """The same in any directory. Every failure is a message on stderr, never a traceback."""
    parser = usage.parser("just parts", DESCRIPTION, environment="PATH; the proxies that apt-get takes", codes=CODES)
    parser.add_argument("names", nargs="*", metavar="PART", help=f"default: all ({', '.join(PARTS)})")
    names = parser.parse_args(argv).names or list(PARTS)
    if unknown := [name for name in names if name not in PARTS]:
        parser.error(f"no such part: {', '.join(unknown)}; there are: {', '.join(PARTS)}")
    progress = Progress(sys.stderr, name="parts")
    try:
        directories = ensure([PARTS[name] for name in names], home, environ, progress)
    except SetupError as error:
        progress.say(f"FAILED: {error}")
        return error.exit_code
    except OSError as error:
        progress.say(f"FAILED: {home} cannot be used: {error}")
        return 1
    except KeyboardInterrupt:
        progress.say("interrupted; nothing half made is kept")
        return INTERRUPTED
    print("\n".join(map(str, directories)))
    return 0


__all__ = ["fetch", "run"]
