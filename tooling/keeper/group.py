"""What is left of a server's process group when the server itself has ended: orphaned workers hold GPU memory."""

import contextlib
import os
import signal
import time

from tooling.running.identity import members

LEFTOVER_GRACE_S = 2.0
POLL_S = 0.05


def end_group(group: int) -> None:
    """End every process that is left in a group whose leader has exited: politely, then for good.

    The leader must not have been reaped: until then the group's number cannot become somebody else's.
    """
    deadline = time.monotonic() + LEFTOVER_GRACE_S
    signal_group(group, signal.SIGTERM)
    while others_in(group) and time.monotonic() < deadline:
        time.sleep(POLL_S)  # noqa: TID251  # there is no loop to block: nothing else is left to be done
    signal_group(group, signal.SIGKILL)


def signal_group(group: int, number: signal.Signals) -> None:
    """Signal all of a group that may be gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def others_in(group: int) -> bool:
    """Whether a live process other than the leader is in the group, or may be: a look that fails says nothing."""
    try:
        return any(process.pid != group for process in members(group))
    except OSError:
        return True


__all__ = ["end_group", "others_in", "signal_group"]
