"""A conversation at a terminal: what is typed, what arrives, and Ctrl+C, as one stream of events."""

import enum
from collections import deque

import trio
from attrs import frozen

from tooling.clients.failures import ClientError, ConnectionLost, NoConnection
from tooling.clients.live.screen import Screen
from tooling.clients.session.connection import Connection
from tooling.clients.session.exchange import Exchange, begin, refusal
from tooling.yap_client.wire import Incoming

RECOVERABLE = frozenset({"rate_limited", "server_busy"})
IDLE_CODE = 4000
HELP = """\
/help          this list
/history       what was said so far
/info          session, persona, counts
/stats on|off  latencies after every reply
/cancel        stop the running reply (so does Ctrl+C)
/stop          end (so do Ctrl+C at the prompt and the end of input)
A line typed while a reply streams interrupts it."""


class Key(enum.Enum):
    """What the terminal can send besides lines."""

    INTERRUPT = "Ctrl+C"
    END = "end of input"


@frozen
class Lost:
    """The connection can bring nothing more; `error` says why."""

    error: ClientError


Event = str | Key | Incoming | Lost


class Dialogue:
    """Drives one session. `run` returns when the user ends it or the server says a friendly goodbye.

    With `barge_in` a line interrupts the running reply; without (input from a file or pipe) it waits for its end.
    """

    def __init__(
        self,
        connection: Connection,
        persona: dict[str, object],
        screen: Screen,
        *,
        timeout_s: float,
        barge_in: bool,
    ) -> None:
        self.connection = connection
        self.persona = persona
        self.screen = screen
        self.timeout_s = timeout_s
        self.barge_in = barge_in
        self.turn: Exchange | None = None
        self.history: list[tuple[str, str]] = []
        self.stats = True
        self._started = False
        self._cancelling = False
        self._ended = False
        self._waiting: deque[str | Key] = deque()

    async def run(self, events: trio.MemoryReceiveChannel[Event], opener: str) -> None:
        """Say the opener, then handle events. Raises `ClientError` for what ends a session badly."""
        await self._say(opener)
        while not self._ended:
            with trio.move_on_after(self.timeout_s if self.turn else float("inf")) as scope:
                event = await events.receive()
            if scope.cancelled_caught:
                raise ClientError(f"no frame of the reply within {self.timeout_s:g} s")
            await self._handle(event)
            while self._waiting and self.turn is None and not self._ended:
                await self._handle(self._waiting.popleft())

    async def _handle(self, event: Event) -> None:
        match event:
            case Key.END if self.turn is not None:
                self._waiting.append(event)
            case str() if self.turn is not None and not self.barge_in:
                self._waiting.append(event)
            case str():
                await self._typed(event.strip())
            case Key.INTERRUPT:
                await self._interrupted()
            case Key.END:
                self._ended = True
            case Incoming():
                self._arrived(event)
            case Lost():
                self._lost(event.error)

    async def _typed(self, line: str) -> None:
        if not line:
            self.screen.prompt(busy=self.turn is not None)
        elif line.startswith("/"):
            await self._command(*line.split(maxsplit=1))
        else:
            await self._say(line)

    async def _say(self, text: str) -> None:
        """Send a turn; while another one runs this is a barge-in, and what came of that one is kept."""
        if self.turn is not None:
            self._close_turn()
        kind, payload = "message", dict[str, object](user_utterance=text)
        if not self._started:
            kind, payload, self._started = "start", self.persona | payload, True
        self.history.append(("user", text))
        self.screen.you(text)
        self._cancelling = False
        self.turn = await begin(self.connection, kind, payload, user=text)

    async def _interrupted(self) -> None:
        if self.turn is None or self._cancelling:
            self._ended = True
            return
        await self._cancel()

    async def _cancel(self) -> None:
        if self.turn is None:
            self.screen.note("nothing is running")
            return
        self._cancelling = True
        await self.connection.send("cancel", {"reason": "client_request"}, self.turn.request_id)

    def _arrived(self, frame: Incoming) -> None:
        if frame.type == "session_end":
            self.screen.note(f"session ended by the server ({frame.text('reason')})")
            self._ended = True
            return
        turn = self.turn
        if turn is None:
            return
        over = turn.feed(frame)
        if frame.request_id == turn.request_id and frame.type == "token":
            self.screen.token(frame.text("text"))
        elif frame.type == "toolcall" and frame.request_id == turn.request_id:
            ttfb = turn.meter.measured().tool_ms or 0.0
            self.screen.note(f"TOOLCALL status={frame.text('status')} ttfb_ms={ttfb:.0f}")
        if over:
            self._close_turn()
        elif frame.type == "error":  # not the turn's end: another frame was refused, the cancel as a rule
            self._cancelling = False
            self.screen.note(f"WARN {refusal(frame.payload)}")

    def _close_turn(self) -> None:
        """The running turn is over, or about to be cut off by the next one."""
        turn = self.turn
        assert turn is not None
        self.turn = None
        if turn.meter.tokens:
            self.history.append(("assistant", turn.meter.text()))
        self.screen.end_of_reply("" if turn.outcome == "done" else f"[{turn.outcome or 'interrupted'}]")
        if self.stats and turn.meter.tokens:
            self.screen.note(turn.meter.measured().line())
        if turn.outcome == "error" and turn.error is not None:
            error = refusal(turn.error)
            if turn.error.get("code") not in RECOVERABLE:
                raise error
            self.screen.note(f"WARN {error}")
        if turn.outcome is not None:
            self.screen.prompt(busy=False)

    def _lost(self, error: ClientError) -> None:
        code = error.code if isinstance(error, ConnectionLost) else None
        if code == IDLE_CODE:
            self.screen.note("Session ended due to inactivity. Goodbye!")
            self._ended = True
            return
        raise error if self.connection.acked or code is None else NoConnection(str(error))

    async def _command(self, name: str, argument: str = "") -> None:
        match name:
            case "/help" | "/?":
                self.screen.note(HELP)
            case "/history":
                self.screen.note("\n".join(f"{role}: {text}" for role, text in self.history))
            case "/info" | "/status":
                self.screen.note(self._info())
            case "/stats":
                self.stats = argument == "on" if argument in ("on", "off") else not self.stats
                self.screen.note(f"stats {'on' if self.stats else 'off'}")
            case "/cancel":
                await self._cancel()
            case "/stop" | "/quit" | "/exit":
                self._ended = True
            case _:
                self.screen.note(f"Unknown command '{name}'. Type /help for options.")
        if not self._ended:
            self.screen.prompt(busy=self.turn is not None)

    def _info(self) -> str:
        about = " ".join(f"{key}={self.persona[key]}" for key in ("gender", "personality"))
        chars = sum(len(text) for _, text in self.history)
        return f"session={self.connection.session_id} {about} messages={len(self.history)} characters={chars}"


__all__ = ["Dialogue", "Event", "Key", "Lost"]
