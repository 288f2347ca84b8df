"""A conversation in a terminal: what is finished scrolls away as usual, the rest stands in a panel at the lower end.

prompt_toolkit has a loop of its own, so its application runs in a thread (docs/decisions/0022). The conversation's side
calls into it with `_call`, in order and without waiting; what is typed comes back through the loop's own door.
"""

import contextlib
import os
import signal
import termios
import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TextIO

import trio
from attrs import define, field
from prompt_toolkit.application import Application
from prompt_toolkit.data_structures import Size
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.input import create_input
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.renderer import print_formatted_text
from prompt_toolkit.utils import get_cwidth

from tooling.clients.live.screens.keyboard import Key
from tooling.clients.live.screens.panel import PROMPT, Panel
from tooling.clients.live.screens.status import Status
from tooling.clients.live.screens.visible import visible
from tooling.clients.live.screens.wrapping import Wrapping

Emit = Callable[[str | Key], None]
STOPPING_S = 0.1  # a stop signal reaches a process of several threads a moment after it was sent
ROWS, COLUMNS = 24, 80  # of a terminal that does not tell its size, as a serial line


@define(eq=False)
class Terminal:
    """Shows a conversation in a terminal. Run it as long as the conversation lasts, and `close` it at the end.

    `emit` gets what is typed, in the trio loop. `personas`: their keys, for completion.
    """

    source: TextIO
    out: TextIO
    emit: Emit
    personas: Callable[[], Iterable[str]]
    colours: bool
    _panel: Panel = field(init=False)
    _application: Application[None] = field(init=False)
    _wrapping: Wrapping = field(init=False)
    _closed: bool = field(default=False, init=False)
    _token: trio.lowlevel.TrioToken | None = field(default=None, init=False)
    _modes: list[Any] | None = field(default=None, init=False)  # the terminal's, while the panel is up

    def __attrs_post_init__(self) -> None:
        self._panel = Panel(self.personas, self._accepted, self._suspend, self.colours)
        output = Vt100_Output(self.out, self._size, enable_cpr=False)
        self._application = self._panel.application(create_input(self.source), output)
        self._wrapping = Wrapping(self._width())

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Draw and read until `close`, or until the terminal is gone. Whatever happens, its modes are restored."""
        self._token = trio.lowlevel.current_trio_token()
        drawn = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, self._attend, drawn)
            nursery.start_soon(self._continued)
            try:
                await drawn.wait()
                task_status.started()
                await trio.sleep_forever()
            finally:
                self.close()

    def close(self) -> None:
        """Have it end, as soon as everything shown so far is on the screen."""
        self._closed = True
        self._call(self._leave)

    def you(self, text: str) -> None:
        """As `Screen` says."""
        self._call(partial(self._tell, "class:you", PROMPT + visible(text)))

    def token(self, text: str) -> None:
        """As `Screen` says."""
        self._call(partial(self._grow, visible(text)))

    def end_of_reply(self, mark: str) -> None:
        """As `Screen` says."""
        self._call(partial(self._finish, mark))

    def note(self, text: str) -> None:
        """As `Screen` says."""
        self._call(partial(self._tell, "class:note", visible(text)))

    def prompt(self) -> None:
        """The input line is always there."""

    def show(self, status: Status) -> None:
        """As `Screen` says."""
        self._call(partial(self._show, visible(status.line())))

    async def _continued(self) -> None:
        """After a stop somebody else has had the terminal."""
        with trio.open_signal_receiver(signal.SIGCONT) as signals:
            async for _ in signals:
                self._call(self._resume)

    # In trio's thread until here; from here on in the application's.

    def _attend(self, drawn: trio.Event) -> None:
        try:
            self._application.run(pre_run=partial(self._begin, drawn), set_exception_handler=False, handle_sigint=False)
        except (EOFError, OSError, termios.error):  # nobody is there to read it or to type
            self._emit(Key.GONE)
        finally:
            self._hand_over(drawn.set)

    def _begin(self, drawn: trio.Event) -> None:
        loop = self._application.loop
        assert loop is not None
        loop.set_exception_handler(self._failed)
        loop.call_soon(self._remember_modes)  # which are set between now and then
        self._hand_over(drawn.set)
        if self._closed:
            self._leave()

    def _failed(self, loop: object, context: dict[str, Any]) -> None:
        """Drawing failed. The terminal is put in order first, then the error goes its way."""
        if self._application.is_running and not self._application.is_done:
            self._application.exit(exception=context.get("exception") or RuntimeError(context["message"]))

    def _leave(self) -> None:
        if self._application.is_running and not self._application.is_done:
            self._application.exit()

    def _remember_modes(self) -> None:
        self._modes = termios.tcgetattr(self.source.fileno())

    def _suspend(self) -> None:
        """Ctrl+Z: give the terminal back and stop, with whatever else belongs to the job."""
        self._application.renderer.erase(leave_alternate_screen=False)
        with self._application.input.cooked_mode():
            os.kill(0, signal.SIGTSTP)
            threading.Event().wait(STOPPING_S)
        self._resume()

    def _resume(self) -> None:
        if self._modes is not None and not self._application.is_done:
            termios.tcsetattr(self.source.fileno(), termios.TCSANOW, self._modes)
            self._application.renderer.reset()
            self._application.renderer.render(self._application, self._application.layout)

    def _accepted(self, item: str | Key) -> None:
        """A command is echoed at once; what is said is shown when it is sent."""
        if isinstance(item, str) and item.lstrip().startswith("/"):
            self._tell("class:note", PROMPT + visible(item))
        self._emit(item)

    def _tell(self, style: str, text: str) -> None:
        wrapping = Wrapping(self._width())
        lines = [*wrapping.feed(text), wrapping.rest()]
        self._print([(style, "\n".join(lines)), ("", "\n")])

    def _grow(self, text: str) -> None:
        """More of the reply: whole lines scroll away, the last one stays in the panel until it is whole too."""
        lines = [*self._wrapping.resized(self._width()), *self._wrapping.feed(text)]
        self._panel.reply = self._wrapping.line
        if lines:
            self._print([("", "\n".join(lines) + "\n")])
        else:
            self._application.invalidate()

    def _finish(self, mark: str) -> None:
        line, self._panel.reply = self._wrapping.rest(), ""
        fits = get_cwidth(line) + len(mark) < self._wrapping.width
        between = " " if fits else "\n"
        if line or mark:
            self._print([("", line), ("", between if line and mark else ""), ("class:mark", mark), ("", "\n")])

    def _show(self, line: str) -> None:
        self._panel.status = line
        self._application.invalidate()

    def _print(self, fragments: StyleAndTextTuples) -> None:
        """Put text above the panel: at once, so that there is no moment without one, and in raw mode all the time."""
        application, panel = self._application, self._panel
        if application.is_done:
            return
        application.renderer.erase(leave_alternate_screen=False)
        print_formatted_text(application.output, fragments, panel.style, color_depth=panel.depth)
        application.renderer.render(application, application.layout)
        application.invalidate()

    # In either.

    def _call(self, do: Callable[[], None]) -> None:
        """Have the application's thread do it, after everything it was called for before."""
        loop, context = self._application.loop, self._application.context
        if loop is not None and context is not None:
            with contextlib.suppress(RuntimeError):  # it has ended this very moment
                loop.call_soon_threadsafe(do, context=context.copy())

    def _emit(self, item: str | Key) -> None:
        self._hand_over(partial(self.emit, item))

    def _hand_over(self, do: Callable[[], None]) -> None:
        assert self._token is not None
        self._token.run_sync_soon(do)

    def _width(self) -> int:
        """Cells of a line; the terminal's last column stays free, where terminals differ in when they wrap."""
        return max(1, self._size().columns - 1)

    def _size(self) -> Size:
        try:
            columns, rows = os.get_terminal_size(self.out.fileno())
        except OSError:  # it is gone
            columns, rows = 0, 0
        return Size(rows=rows or ROWS, columns=columns or COLUMNS)


__all__ = ["Terminal"]
