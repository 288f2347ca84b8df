"""`live` on a real pseudo-terminal with a controlling process, and what stands on that terminal's screen."""

import os
import signal
import sys
import termios
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pexpect
import pyte
import trio
from attrs import define, field

LIMIT_S = 30.0
KEY = "k-1"
CTRL_C, CTRL_D, CTRL_Z, ESCAPE = "\x03", "\x04", "\x1a", "\x1b"


@define(eq=False)
class Console:
    """A terminal of `rows` x `columns` cells with `live` on it. `raw`: every byte it wrote."""

    child: Any
    screen: Any
    raw: bytes = b""
    before: list[Any] = field(factory=list)
    _stream: Any = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._stream = pyte.ByteStream(self.screen)

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self.child.child_fd, text.encode())

    def enter(self, text: str) -> None:
        """Type a line."""
        self.type(text + "\r")

    def paste(self, text: str) -> None:
        """Paste, as a terminal does that was asked to mark what is pasted."""
        self.type(f"{ESCAPE}[200~{text}{ESCAPE}[201~")

    def resize(self, rows: int, columns: int) -> None:
        """Make the window another size."""
        self.screen.resize(rows, columns)
        self.child.setwinsize(rows, columns)

    def shown(self) -> str:
        """The screen, and what has scrolled off it, as lines without blanks at their ends."""
        above = ["".join(row[column].data for column in range(self.screen.columns)) for row in self.screen.history.top]
        return "\n".join(line.rstrip() for line in [*above, *self.screen.display])

    def panel(self) -> str:
        """The last line that says something: the status."""
        return next((line for line in reversed(self.screen.display) if line.strip()), "").rstrip()

    async def until(self, *texts: str, within_s: float = LIMIT_S) -> str:
        """Read until all of that stands somewhere; returns everything that does."""
        return await self._until(lambda: all(text in self.shown() for text in texts), texts, within_s)

    async def until_panel(self, *texts: str, within_s: float = LIMIT_S) -> str:
        """Read until all of that stands in the status line."""
        return await self._until(lambda: all(text in self.panel() for text in texts), texts, within_s)

    async def until_prompt(self, within_s: float = LIMIT_S) -> str:
        """Read until it is the user's turn."""
        return await self.until_panel("idle", within_s=within_s)

    async def ended(self) -> int:
        """Its exit code, or minus the signal that killed it, once it has ended; the terminal is as it was before."""
        with trio.fail_after(LIMIT_S):
            while self.child.isalive():
                await self.read()
        assert self.modes() == self.before, "the terminal's modes were not restored"
        return int(self.child.exitstatus if self.child.exitstatus is not None else -self.child.signalstatus)

    def modes(self) -> list[Any]:
        """The terminal's modes, as `stty -g` would tell them."""
        return list(termios.tcgetattr(self.child.child_fd))

    async def _until(self, holds: Any, texts: tuple[str, ...], within_s: float) -> str:
        with trio.move_on_after(within_s):
            while not holds():
                assert await self.read(), f"ended before {texts}:\n{self.shown()}"
            return self.shown()
        raise AssertionError(f"no {texts} within {within_s} s:\n{self.shown()}")

    async def read(self) -> bool:
        """Take what it has written; False if it never will again."""
        with trio.move_on_after(0.05):
            await trio.lowlevel.wait_readable(self.child.child_fd)
            try:
                block = os.read(self.child.child_fd, 65536)
            except OSError:  # nobody has the terminal open any more
                block = b""
            if not block:
                await trio.sleep(0.02)
                return False
            self.raw += block
            self._stream.feed(block)
        return True


@asynccontextmanager
async def console(
    port: int,
    *arguments: str,
    rows: int = 24,
    columns: int = 80,
    environ: Mapping[str, str] | None = None,
    program: Sequence[str] = ("-m", "tooling.clients.live"),
) -> AsyncIterator[Console]:
    """`live` against the server on that port; killed at the end, if it still runs."""
    surroundings = {"PATH": os.defpath, "TERM": "xterm-256color", "LANG": "C.UTF-8", "TEXT_API_KEY": KEY}
    child = pexpect.spawn(
        sys.executable,
        [*program, "--server", f"ws://127.0.0.1:{port}/ws", *arguments],
        env={**surroundings, **(environ or {})},
        dimensions=(rows, columns),
    )
    made = Console(child, pyte.HistoryScreen(columns, rows, history=5000, ratio=0.5))
    made.before = made.modes()
    try:
        yield made
    finally:
        if child.isalive():
            child.kill(signal.SIGKILL)
            child.wait()
        child.ptyproc.fileobj.close()
        child.closed = child.ptyproc.closed = True


def hang_up(terminal: Console) -> None:
    """Close the window."""
    terminal.child.ptyproc.fileobj.close()


def dress(folder: Path, prompt: str) -> None:
    """Put a persona into a folder, or change it."""
    (folder / "io.toml").write_text(f'gender = "female"\npersonality = "calm"\nprompt = "{prompt}"\n', "utf-8")


__all__ = ["CTRL_C", "CTRL_D", "CTRL_Z", "ESCAPE", "KEY", "LIMIT_S", "Console", "console", "dress", "hang_up"]
