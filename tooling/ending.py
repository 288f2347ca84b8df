"""How a command of ours ends: a failure is a sentence on stderr and an exit code, and nothing half made is left."""

import io
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

from runtime.settings import SettingsError
from tooling import INTERRUPTED
from tooling.refusal import Refusal, UsageError


def told(
    name: str, work: Callable[[], int], *, interrupted: str = "interrupted", interrupted_code: int = INTERRUPTED
) -> int:
    """Do it and return its exit code; what ends it is told in sentences. `interrupted`: what Ctrl+C leaves; "": nothing
    is said of it.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name may hold what this terminal cannot show
    try:
        code = work()
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except SettingsError as error:
        _say(str(error))
        return error.exit_status
    except UsageError as error:
        _say("\n".join(f"{name}: {line}" for line in str(error).splitlines()))
        return error.exit_code
    except Refusal as error:
        _say(f"{name}: {error}")
        return error.exit_code
    except BrokenPipeError:  # whoever read it has left (`| head`)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the interpreter flushes once more when it ends
        return 128 + signal.SIGPIPE
    except KeyboardInterrupt:
        if interrupted:
            _say(f"{name}: {interrupted}")
        return interrupted_code


def tidy_up_when_ended() -> None:
    """SIGTERM, and a terminal that is closed, end a program as Ctrl+C does: what is half made goes, and who makes it.

    What the program's caller ignores (nohup) it ignores. Call it from the main thread.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _leave)


def _leave(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


__all__ = ["tidy_up_when_ended", "told"]
