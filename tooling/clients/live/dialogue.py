"""A conversation at a keyboard: what is typed, what arrives, and Ctrl+C, as one stream of events."""

from collections import deque

import trio
from attrs import define, field

from tooling.clients.failures import TimedOut
from tooling.clients.live.answers import answer
from tooling.clients.live.line import Arrived, Event, Lost, Opened
from tooling.clients.live.screens.keyboard import Key
from tooling.clients.live.screens.visible import typed
from tooling.clients.live.talk import Talk
from tooling.clients.program import LONGEST_TURN


@define(kw_only=True, eq=False)
class Dialogue:
    """Handles events until the user or the server ends the talk.

    `timeout_s`: the longest wait for a frame of a reply; ten of them for all of it. `barge_in`: a line interrupts the
    running reply; without it (input from a file or pipe) it waits for its end. `cut_short`: Ctrl+C ended it in the
    middle of something.
    """

    talk: Talk
    timeout_s: float
    barge_in: bool
    cut_short: bool = False
    _waiting: deque[str | Key] = field(factory=deque)

    async def run(self, events: trio.MemoryReceiveChannel[Event], opener: str) -> None:
        """Say the opener, then go on. Raises `ClientError` for what ends it badly, or was still broken at its end."""
        talk = self.talk
        talk.unsent = opener
        talk.connect()
        try:
            while not talk.ended:
                await self._handle(await self._next(events))
                while self._waiting and not talk.ended and talk.turn is None and not talk.connecting:
                    await self._handle(self._waiting.popleft())
        finally:
            talk.hang_up()
        if talk.trouble is not None:
            raise talk.trouble

    async def _next(self, events: trio.MemoryReceiveChannel[Event]) -> Event:
        turn, longest_s = self.talk.turn, LONGEST_TURN * self.timeout_s
        silent_at = self.talk.heard_at + self.timeout_s if turn else float("inf")
        late_at = turn.meter.sent_at + longest_s if turn else float("inf")
        with trio.CancelScope(deadline=min(silent_at, late_at)):
            return await events.receive()
        if late_at < silent_at:
            raise TimedOut(f"the reply did not end within {longest_s:g} s")
        raise TimedOut(f"no frame of the reply within {self.timeout_s:g} s")

    async def _handle(self, event: Event) -> None:
        talk = self.talk
        busy = talk.turn is not None or talk.connecting
        match event:
            case Key.END if busy:
                self._waiting.append(event)
            case str() if busy and not self.barge_in:
                self._waiting.append(event)
            case str() if talk.connecting and not event.lstrip().startswith("/"):
                self._waiting.append(event)
            case str():
                await self._typed(event)
            case Key.INTERRUPT:
                await self._interrupted()
            case Key.END | Key.GONE:
                talk.ended = True
            case Opened() if event.line is talk.line:
                await talk.opened(event.connection)
            case Arrived() if event.line is talk.line:
                await talk.arrived(event.frame)
            case Lost() if event.line is talk.line:
                talk.lost(event.error)

    async def _typed(self, text: str) -> None:
        self.talk.look()
        said = typed(text).strip()
        if said.startswith("/") and "\n" not in said:
            await answer(self.talk, *said.split())
        elif said:
            await self.talk.say(said)
        elif self.talk.turn is None:
            self.talk.prompt()

    async def _interrupted(self) -> None:
        """Ctrl+C: stop the reply; give up a reconnect; else leave."""
        talk = self.talk
        if talk.turn is not None and not talk.cancelling:
            await talk.cancel()
        elif talk.connecting and talk.status.turns:
            talk.unsent = None
            talk.hang_up()
            talk.screen.note("gave up connecting; the next message tries again")
            talk.prompt()
        else:
            talk.ended, self.cut_short = True, talk.turn is not None or talk.connecting


__all__ = ["Dialogue"]
