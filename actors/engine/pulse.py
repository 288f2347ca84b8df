"""What is known of an engine's progress, and what follows: nothing, a stall (take no turns), a hang (restart it).

There are three signs, and each needs only itself: no output although work is pending, a process that was stopped, no
answer to a question although no work is pending. A busy engine is judged by its output alone, because it answers
questions between steps, and one step may take long.
"""

from attrs import define


@define
class Pulse:
    """The signs of one engine. Times are the clock's seconds; None for what is not the case."""

    moved_at: float = 0.0
    stopped_at: float | None = None
    stopped_because: str = ""
    mute_since: float | None = None

    def begin(self, now: float) -> None:
        """Work was given to an engine that had none: its silence counts from here."""
        self.moved_at = now

    def output(self, now: float) -> None:
        """It said something."""
        self.moved_at, self.mute_since = now, None

    def answer(self) -> None:
        """It answered a question."""
        self.mute_since = None

    def no_answer(self, asked_at: float) -> None:
        """It did not answer a question, although it had nothing to do."""
        if self.mute_since is None:
            self.mute_since = asked_at

    def look(self, why: str | None, now: float) -> None:
        """What can be seen of it from outside."""
        if why is None:
            self.stopped_at = None
        elif self.stopped_at is None:
            self.stopped_at = now
        self.stopped_because = why or ""

    def trouble(self, now: float, pending: int, patience_s: float) -> str | None:
        """Why it counts as stalled, or None. `patience_s`: how long it may be silent with `pending` requests."""
        if self.stopped_at is not None:
            return self.stopped_because
        if self.mute_since is not None:
            return f"no answer for {now - self.mute_since:.0f} s"
        silent = now - self.moved_at
        if pending and silent > patience_s:
            return f"no output for {silent:.0f} s with {pending} requests pending"
        return None

    def since(self, pending: int) -> float | None:
        """When the oldest of its troubles began, None without one; with work pending, silence is one from the start."""
        began = [at for at in (self.stopped_at, self.mute_since, self.moved_at if pending else None) if at is not None]
        return min(began, default=None)


__all__ = ["Pulse"]
