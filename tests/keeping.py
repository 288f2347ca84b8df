"""A keeper as a program of its own: `python -m tests.keeping COMMAND ...` keeps that command.

The settings come from the environment, as they do for `tooling.run`. `KEEP_HOW`: `detach`, else in front of the
terminal. `KEEP_PREPARING`: `wait` for a signal while preparing, or `refuse`.
"""

import os
import signal
import sys
from collections.abc import Mapping

from runtime.settings import Settings
from tooling.keeper import Keeper, Orders, Prepared, Say
from tooling.refusal import Refusal

LEAST = {"TEXT_API_KEY": "k-1", "MAX_CONCURRENT_CONNECTIONS": "16", "INFERENCE_ENGINE": "scripted"}


def keep(command: list[str], environ: Mapping[str, str]) -> int:
    """Keep it; the exit code."""
    environ = {**LEAST, "CHAT_MODEL": "owner/name", **environ}
    settings = Settings.from_env(environ)

    def prepare(say: Say) -> Prepared:
        say("preparing")
        if environ.get("KEEP_PREPARING") == "wait":
            signal.pause()
        if environ.get("KEEP_PREPARING") == "refuse":
            raise Refusal("no such model", 3)
        return Prepared(environ=environ, resolved={"chat_model": settings.deployment.chat_model})

    orders = Orders(
        settings=settings,
        home=settings.deployment.yap_home,
        log=settings.logs.yap_log_file.absolute(),
        requested={"words": ["chat"]},
        banner=("  the plan",),
        extra=("the key is in the terminal only",),
    )
    try:
        keeper = Keeper(orders)
        if environ.get("KEEP_HOW") == "detach":
            return keeper.detach(command, prepare)
        return keeper.keep(command, prepare)
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return refusal.exit_code


if __name__ == "__main__":
    sys.exit(keep(sys.argv[1:], os.environ))  # noqa: TID251  # an entry module
