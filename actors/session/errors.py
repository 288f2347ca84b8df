"""What can be wrong inside a session; each is a bug of ours unless a client's frame caused it."""

from enum import Enum


class IllegalTransition(Exception):
    """The machine has no row for this event in this phase; nothing was changed."""

    def __init__(self, phase: Enum, event: object) -> None:
        super().__init__(f"no row for {type(event).__name__} in phase {phase.name}")
        self.phase = phase
        self.event = event


class ClientTooSlow(Exception):
    """The client takes nothing while something waits, or its outbox is full."""


__all__ = ["ClientTooSlow", "IllegalTransition"]
