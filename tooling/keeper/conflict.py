"""One launch a port: who is there already, and what to do about it."""

from pathlib import Path

from tooling.refusal import CONFLICT, Refusal
from tooling.running import Claim, State, StateUnreadable, read_state


def require_free(home: Path, key: str) -> Claim:
    """Take the right to launch on a port. Raises `Refusal` where somebody is there, `OSError` where nothing can be
    written.
    """
    claim = Claim.port(home, key)
    state = _known(home, key)
    if claim is None and state is not None and state.is_alive():
        raise already_running(state)
    if claim is None:
        raise Refusal(f"another launch on port {key} has just begun: just status", CONFLICT)
    if state is not None and state.server is not None and state.server.is_alive():
        claim.close()
        raise Refusal(
            f"a server without its keeper, which was killed, is still there: {state.described()}; wait until it has "
            f"drained, or: just stop --now --port {key}",
            CONFLICT,
        )
    return claim


def already_running(state: State) -> Refusal:
    """The second start of a server."""
    named = f"--port {state.key}"
    return Refusal(
        f"already running: {state.described()}; just restart {named} starts it anew, just stop {named} ends it, "
        "another --port starts a second one beside it",
        CONFLICT,
    )


def _known(home: Path, key: str) -> State | None:
    try:
        return read_state(home, key)
    except StateUnreadable:
        return None  # the claim tells whether somebody is there, and what is written next can be read


__all__ = ["already_running", "require_free"]
