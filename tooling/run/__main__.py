"""`python -m tooling.run --cpu|--vllm|--trt [MODE] [QUANT] [CHAT [TOOL]] [FLAGS]` prepares and keeps a server."""

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from types import FrameType

from runtime.settings import Settings
from tooling.cache import require_home
from tooling.keeper import Keeper, Orders, Prepared
from tooling.run.command import run
from tooling.run.demo import ensure


def _leave(number: int, frame: FrameType | None) -> None:
    """End while something is being prepared: what is half made, and who makes it, goes as after Ctrl+C."""
    sys.exit(128 + number)


def _serve(command: Sequence[str], environ: Mapping[str, str]) -> int:
    settings = Settings.from_env(environ)
    home = require_home(settings.deployment.yap_home)
    keeper = Keeper(Orders(settings=settings, home=home, log=settings.logs.yap_log_file.absolute()))
    keeper.follow_runner()
    return keeper.keep(command, lambda say: Prepared(environ=environ))


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `just run --plan | head` ends quietly
    signal.signal(signal.SIGTERM, _leave)  # until the keeper takes it over
    environ = os.environ  # noqa: TID251  # an entry module
    sys.exit(run(sys.argv[1:], environ, ensure=ensure, serve=_serve))
