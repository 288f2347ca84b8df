"""What a conversation looks like: replies on stdout as they stream, everything else on stderr."""

from typing import TextIO

DIM, BOLD, PLAIN = "\x1b[2m", "\x1b[1m", "\x1b[0m"


class Screen:
    """Writes a conversation. Colours only on a terminal and only if they are wanted."""

    def __init__(self, out: TextIO, diagnostics: TextIO, *, interactive: bool, colours: bool) -> None:
        self._out = out
        self._diagnostics = diagnostics
        self.interactive = interactive
        self._colours = colours
        self._streaming = False

    def prompt(self, *, busy: bool) -> None:
        """Ask for a line, where somebody is there to type one."""
        if self.interactive and not busy:
            self._write("> ")

    def you(self, text: str) -> None:
        """What the user said; shown only where typing did not already show it."""
        if not self.interactive:
            self._write(f"USER  {text}\n")

    def token(self, text: str) -> None:
        """A piece of the reply."""
        if not self._streaming:
            self._streaming = True
            self._write(self._styled("ASST  ", BOLD, self._out))
        self._write(text)

    def end_of_reply(self, mark: str) -> None:
        """Close the line of the reply; `mark` says how it ended if not well."""
        if self._streaming or mark:
            self._write(f" {mark}\n" if mark else "\n")
        self._streaming = False

    def note(self, text: str) -> None:
        """Something about the conversation, on stderr."""
        if self._streaming:
            self._write("\n")
        print(self._styled(text, DIM, self._diagnostics), file=self._diagnostics, flush=True)

    def _styled(self, text: str, style: str, stream: TextIO) -> str:
        return f"{style}{text}{PLAIN}" if self._colours and stream.isatty() else text

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


__all__ = ["Screen"]
