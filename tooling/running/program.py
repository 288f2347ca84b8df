"""What the commands that look after launches share on their command lines, and how they end."""

import argparse
import io
import sys
from collections.abc import Callable

from runtime.settings import SettingsError
from tooling.refusal import Refusal

INTERRUPTED = 130


def grammar(name: str, about: str, codes: str) -> argparse.ArgumentParser:
    """A parser with `--port`; `codes`: its exit codes."""
    made = argparse.ArgumentParser(
        prog=f"just {name}",
        description=about,
        epilog=f"environment: YAP_HOME, where launches are written down (~/.cache/yap)\n\nexit codes: {codes}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("--port", metavar="N", type=_key, help="the server on this port; else the one that runs")
    return made


def told(name: str, work: Callable[[], int], interrupted: int = INTERRUPTED) -> int:
    """Do it; what ends it is told in sentences on stderr and becomes an exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name may hold what this terminal cannot show
    try:
        return work()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    except Refusal as error:
        print(f"{name}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return interrupted


def _key(text: str) -> str:
    """A port, or what stands for it as long as a free one is not known yet: `0-4711`."""
    port, dash, process = text.partition("-")
    if not (port.isdecimal() and int(port) < 1 << 16) or (dash and not process.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is no port; just status lists them")
    return text


__all__ = ["grammar", "told"]
