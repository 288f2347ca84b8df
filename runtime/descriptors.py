"""Open files: the process takes as many as it may, and does not promise more connections than they allow."""

import resource

from runtime.settings import Problem, SettingsError

RESERVE = 128
"""Descriptors besides the connections: the loop, the listening sockets, the log, the engine's sockets, its guardian's
pipe, the stat files of its vital processes, a tool model's GPU, files that are being loaded."""
MOST = 1 << 20
"""More is never asked for: some programs close every descriptor up to the limit that they inherit, one by one."""


def needed(connections: int) -> int:
    """Without so many nobody can be promised so many slots."""
    return connections + RESERVE


def allowed() -> int | None:
    """How many this process may have open at once, once `provide` has raised its limit; None without a limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if resource.RLIM_INFINITY in (soft, hard):
        return None if soft == resource.RLIM_INFINITY else max(soft, MOST)
    return max(soft, min(hard, MOST))


def provide(connections: int, pending: int) -> str | None:
    """Raise the soft limit; a warning if `pending` newcomers may find no descriptor while all slots are taken, or None.

    Children inherit the limit. Raises `SettingsError` if not even `connections` slots can be held.
    """
    limit = _raise(allowed())
    if limit is None:
        return None
    if limit < needed(connections):
        raise SettingsError(
            [
                Problem(
                    "MAX_CONCURRENT_CONNECTIONS",
                    f"{connections} connections and {RESERVE} for the server itself need {needed(connections)} open "
                    f"files, the limit is {limit}; raise it (ulimit -n {needed(connections) + pending}), or lower "
                    "MAX_CONCURRENT_CONNECTIONS",
                )
            ]
        )
    if limit < needed(connections) + pending:
        return (
            f"the limit of open files is {limit}: {connections} connections, {pending} newcomers and {RESERVE} for the "
            f"server itself need {needed(connections) + pending} (ulimit -n)"
        )
    return None


def _raise(wanted: int | None) -> int | None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if wanted is None or wanted <= soft:
        return wanted
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):  # a sandbox may forbid it
        return soft
    return wanted


__all__ = ["RESERVE", "allowed", "needed", "provide"]
