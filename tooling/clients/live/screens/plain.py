"""A conversation as plain lines: replies on stdout as they stream, everything else on stderr."""

from typing import TextIO

from tooling.clients.failures import Unwritable
from tooling.clients.live.screens.status import Status
from tooling.clients.live.screens.visible import visible

DIM, BOLD, PLAIN = "\x1b[2m", "\x1b[1m", "\x1b[0m"


class PlainScreen:
    """Writes a conversation, for a pipe or a terminal that can do no more. Every method raises `Unwritable`.

    `interactive`: somebody types at a terminal, which shows what is typed. Colours only on a terminal and only if they
    are wanted.
    """

    def __init__(self, out: TextIO, diagnostics: TextIO | None, *, interactive: bool, colours: bool) -> None:
        self._out = out
        self._diagnostics = diagnostics
        self._interactive = interactive
        self._colours = colours
        self._streaming = False

    def prompt(self) -> None:
        """As `Screen` says."""
        if self._interactive:
            self._write("> ", self._out)

    def you(self, text: str) -> None:
        """As `Screen` says; only where typing did not already show it."""
        if not self._interactive:
            self._write(f"USER  {visible(text)}\n", self._out)

    def token(self, text: str) -> None:
        """As `Screen` says."""
        if not self._streaming:
            self._streaming = True
            self._write(self._styled("ASST  ", BOLD, self._out), self._out)
        self._write(visible(text), self._out)

    def end_of_reply(self, mark: str) -> None:
        """As `Screen` says."""
        if self._streaming or mark:
            self._write(f" {mark}\n" if mark else "\n", self._out)
        self._streaming = False

    def note(self, text: str) -> None:
        """As `Screen` says, on stderr."""
        if self._streaming:
            self._write("\n", self._out)
        self._write(self._styled(visible(text), DIM, self._diagnostics) + "\n", self._diagnostics)

    def show(self, status: Status) -> None:
        """A plain screen has no place for it."""

    def _styled(self, text: str, style: str, stream: TextIO | None) -> str:
        return f"{style}{text}{PLAIN}" if self._colours and stream is not None and stream.isatty() else text

    @staticmethod
    def _write(text: str, stream: TextIO | None) -> None:
        if stream is None:  # it was closed from the beginning: nobody wants to know
            return
        try:
            stream.write(text)
            stream.flush()
        except OSError as error:
            raise Unwritable(f"{stream.name} cannot be written: {error.strerror}") from None


__all__ = ["PlainScreen"]
