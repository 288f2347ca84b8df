"""What every way to show a conversation can do."""

from typing import Protocol

from tooling.clients.live.screens.status import Status


class Screen(Protocol):
    """Shows a conversation. Nothing in here waits for anything."""

    def you(self, text: str) -> None:
        """What the user said."""

    def token(self, text: str) -> None:
        """A piece of the reply."""

    def end_of_reply(self, mark: str) -> None:
        """The reply is over; `mark` says how it ended if not well."""

    def note(self, text: str) -> None:
        """Something about the conversation, one line or several."""

    def prompt(self) -> None:
        """It is the user's turn to type."""

    def show(self, status: Status) -> None:
        """Where the conversation stands."""


__all__ = ["Screen"]
