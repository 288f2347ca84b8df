"""The copy of a report that is kept: `$YAP_HOME/results/tool_<time>.log`."""

import datetime
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path

from tooling.clients.failures import Unwritable, UsageProblem

HOME = "~/.cache/yap"


def results_folder(environ: Mapping[str, str]) -> Path:
    """The folder, made if it is not there. Raises `UsageProblem`, before anything was sent."""
    try:
        folder = Path(environ.get("YAP_HOME", "").strip() or HOME).expanduser() / "results"
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError) as error:  # RuntimeError: there is no home directory
        raise UsageProblem(f"results cannot be kept ({error}); name another directory with YAP_HOME") from None
    return folder


def keep(folder: Path, at: datetime.datetime, lines: Sequence[str]) -> Path:
    """Write them to a file of their own and return it. Raises `Unwritable`."""
    text = "".join(f"{line}\n" for line in lines)
    for number in count(1):
        path = folder / f"tool_{at:%Y%m%dT%H%M%SZ}{f'-{number}' if number > 1 else ''}.log"
        try:
            with path.open("x", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
            return path
        except FileExistsError:  # another run of the same second
            continue
        except OSError as error:
            raise Unwritable(f"{path} cannot be written: {error.strerror}") from None
    raise AssertionError("unreachable")


__all__ = ["keep", "results_folder"]
