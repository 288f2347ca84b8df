"""The lower end of the terminal: the unfinished line of the reply, the input line, and one line of status or hints."""

from collections.abc import Callable, Iterable

from attrs import define, field
from prompt_toolkit.application import Application
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout import BufferControl, ConditionalContainer, Dimension, FormattedTextControl, HSplit, Layout
from prompt_toolkit.layout.containers import Window
from prompt_toolkit.layout.processors import BeforeInput
from prompt_toolkit.output import ColorDepth, Output
from prompt_toolkit.styles import Style

from tooling.clients.live.commands import completed, continuations
from tooling.clients.live.screens.keyboard import Key
from tooling.clients.live.screens.visible import typed

PROMPT = "> "
INPUT_ROWS = 6  # a longer message scrolls
PASTE_CHARS = 50_000  # half of what a server takes; a line of megabytes would be laid out at every key
REDRAW_S = 0.02
RESIZE_POLL_S = 0.1  # the library learns of a resize by signal in a main thread only
COLOURS = Style.from_dict(
    {"prompt": "bold ansicyan", "you": "bold ansicyan", "note": "dim", "status": "dim", "mark": "italic"}
)
NO_COLOURS = Style([])


@define(eq=False)
class Panel:
    """Draws and edits; all of it in the thread that runs `application`.

    `reply`: the unfinished line. `status`: the last line, unless a command is being typed. `personas`: their keys.
    `accept`: gets every line that was entered, and every key that is none of editing. `suspend`: does what Ctrl+Z asks.
    """

    personas: Callable[[], Iterable[str]]
    accept: Callable[[str | Key], None]
    suspend: Callable[[], None]
    colours: bool
    reply: str = ""
    status: str = ""
    buffer: Buffer = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.buffer = Buffer(multiline=True, history=InMemoryHistory())

    @property
    def style(self) -> Style:
        """What things look like."""
        return COLOURS if self.colours else NO_COLOURS

    @property
    def depth(self) -> ColorDepth:
        """The sixteen colours that a terminal's owner has chosen, or none."""
        return ColorDepth.DEPTH_4_BIT if self.colours else ColorDepth.DEPTH_1_BIT

    def application(self, source: Input, output: Output) -> Application[None]:
        """The program of that panel. It leaves the screen's contents above it alone, and nothing behind."""
        return Application(
            layout=Layout(self._rows()),
            key_bindings=self._keys(),
            style=self.style,
            color_depth=self.depth,
            include_default_pygments_style=False,
            erase_when_done=True,
            min_redraw_interval=REDRAW_S,
            terminal_size_polling_interval=RESIZE_POLL_S,
            input=source,
            output=output,
        )

    def _rows(self) -> HSplit:
        reply = Window(FormattedTextControl(lambda: self.reply), wrap_lines=True, dont_extend_height=True)
        line = Window(
            BufferControl(self.buffer, input_processors=[BeforeInput(PROMPT, style="class:prompt")]),
            height=Dimension(min=1, max=INPUT_ROWS),
            wrap_lines=True,
            dont_extend_height=True,
        )
        foot = Window(FormattedTextControl(self._foot), height=1)
        return HSplit([ConditionalContainer(reply, Condition(lambda: bool(self.reply))), line, foot])

    def _foot(self) -> StyleAndTextTuples:
        """Hints while a command is typed, else the status: no padding and no background, so no trace after a resize."""
        found = continuations(self.buffer.text, self.personas())
        return [("class:status", "  ".join(found) if found else self.status)]

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()
        empty = Condition(lambda: not self.buffer.text)
        keys.add("enter")(self._entered)
        keys.add("escape", "enter")(lambda event: self.buffer.insert_text("\n"))
        keys.add("tab")(self._completed)
        keys.add("c-c")(lambda event: self.accept(Key.INTERRUPT))
        keys.add("c-d", filter=empty)(lambda event: self.accept(Key.END))
        keys.add("c-z")(lambda event: self.suspend())
        keys.add(Keys.BracketedPaste)(self._pasted)
        return keys

    def _entered(self, event: KeyPressEvent) -> None:
        text = self.buffer.text
        self.buffer.reset(append_to_history=True)
        self.accept(text)

    def _completed(self, event: KeyPressEvent) -> None:
        if self.buffer.document.is_cursor_at_the_end:
            text = completed(self.buffer.text, self.personas())
            self.buffer.insert_text(text[len(self.buffer.text) :])

    def _pasted(self, event: KeyPressEvent) -> None:
        """All of it is one message, newlines included; control characters are not what anybody means to say."""
        self.buffer.insert_text(typed(event.data[:PASTE_CHARS]))


__all__ = ["PROMPT", "Panel"]
