"""Which requests sessions wait for: one side of the running set."""

from actors.session.turn import Turn


def waits(turn: Turn | None) -> bool:
    """Whether a turn waits for a request; one that still routes has not looked whether its speculation has ended."""
    if turn is None or turn.exchange is None or turn.exchange._answers.statistics().current_buffer_used:
        return False
    return turn.exchange.is_running


__all__ = ["waits"]
