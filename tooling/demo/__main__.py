"""Makes the demo models: `python -m tooling.demo [chat|tool|smollm2|all]` prints the path of each, one a line.

`chat` and `tool` are toys, made offline; `smollm2` is the small real model, which is fetched.
Environment: YAP_HOME, the project's own directory. Exit codes: 0 done, 1 one could not be made, 2 usage,
130 interrupted.
"""

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tooling import INTERRUPTED, usage
from tooling.demo import chat, smollm2, tool
from tooling.demo.progress import Report, stderr_line
from tooling.ending import tidy_up_when_ended
from tooling.setup.errors import MachineError

MODELS: dict[str, Callable[[Path, Report], Path]] = {
    "chat": chat.ensure,
    "tool": tool.ensure,
    "smollm2": smollm2.ensure,
}


def main(argv: Sequence[str], home: Path) -> int:
    """Build what is asked for below `home` unless `--home` says otherwise; return the exit code."""
    parser = usage.parser(
        "just demo",
        __doc__,
        environment={
            "YAP_HOME": "where they are made (~/.cache/yap)",
            "PIP_*, pip.conf": "where smollm2 is fetched from",
        },
    )
    parser.add_argument("which", nargs="?", default="all", choices=[*MODELS, "all"], help="default: all")
    parser.add_argument("--home", type=Path, default=home, help="the project's directory (default: YAP_HOME)")
    parser.add_argument("--json", action="store_true", help="one JSON object: path by model")
    arguments = parser.parse_args(argv)
    wanted = list(MODELS) if arguments.which == "all" else [arguments.which]
    try:
        paths = {name: str(MODELS[name](arguments.home.expanduser().resolve(), stderr_line)) for name in wanted}
    except OSError as error:
        stderr_line(f"the demo model could not be written: {error}; choose another directory with --home or YAP_HOME")
        return 1
    except (smollm2.Unavailable, MachineError) as error:
        stderr_line(f"{smollm2.NAME} cannot be had: {error}")
        return 1
    except KeyboardInterrupt:
        stderr_line("interrupted; nothing half made is kept")
        return INTERRUPTED
    sys.stdout.write(json.dumps(paths) + "\n" if arguments.json else "".join(f"{path}\n" for path in paths.values()))
    return 0


if __name__ == "__main__":
    # Threads that wait must not spin: on a busy machine that doubles the time. Read when torch is loaded, later on.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # noqa: TID251 - an entry module
    tidy_up_when_ended()
    sys.exit(main(sys.argv[1:], Path(os.environ.get("YAP_HOME") or "~/.cache/yap")))  # noqa: TID251 - an entry module
