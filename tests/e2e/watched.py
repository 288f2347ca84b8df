"""A client of the wire with a referee beside it, who objects to the first wrong frame; and random talk for it."""

import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import trio
from attrs import define, field

from tests.e2e.client import Client, Frame, connected
from tests.referee import Referee

RAW: dict[str, object] = {"sampling": {"sanitize_output": False, "temperature": 0, "repetition_penalty": 1}}
"""Text as the model says it, so that a reply is never empty, whatever the model."""
TURN_FRAMES = 24
"""One less than the default rate limit takes."""


@define(eq=False)
class Watched(Client):
    """A client whose every frame, either way, the referee sees."""

    referee: Referee = field(factory=Referee)

    async def say(self, kind: str, request_id: str, /, payload: Mapping[str, object] | None = None) -> None:
        """Send a frame."""
        self.referee.said(kind, request_id)
        await Client.say(self, kind, request_id, payload)

    async def frame(self, within_s: float = 60.0) -> Frame:
        """The next frame."""
        frame = await Client.frame(self, within_s)
        self.referee.heard(frame)
        return frame

    async def settles(self) -> None:
        """Read until everything is answered and the turn, if one runs, has ended; nothing may come after."""
        referee = self.referee
        with trio.fail_after(120):
            while referee.open or referee.unanswered or referee.reused.total():
                await self.frame()
        await self.answers_pings()
        referee.settled()

    async def streams(self, request_id: str = "r-1", text: str = "tell me a story") -> list[Frame]:
        """Say something and read until the reply's first text."""
        await (self.message(request_id, text) if self.referee.turns else self.start(request_id, text, **RAW))
        frames = await self.until("token")
        assert frames[-1]["request_id"] == request_id
        return frames


@asynccontextmanager
async def watched(port: int, session_id: str = "s-1") -> AsyncIterator[Watched]:
    """A watched client on a loopback port."""
    async with connected(port, session_id=session_id) as client:
        yield Watched(client.socket, session_id)


@define(eq=False)
class Chatterbox:
    """Says and hears random things, as impatient users and their clients do."""

    client: Watched
    chance: random.Random
    turn_frames: int = 0
    _number: int = 0

    async def talk(self, actions: int) -> None:
        """Start, do so many things, settle."""
        await self.client.start(self._fresh(), "tell me a story", **RAW)
        self.turn_frames += 1
        for _ in range(actions):
            doing = self.chance.choices(
                (self.speaks, self.cancels, self.repeats, self.errs, self.pings, self.listens), (6, 3, 1, 2, 1, 5)
            )[0]
            await doing()
        await self.client.settles()

    async def speaks(self) -> None:
        """A new turn: a barge-in where one runs."""
        if not self._may_speak():
            return
        kind = self.chance.choice(("message", "message", "start", "followup"))
        payload: dict[str, object] = {"user_utterance": "and then?", "analysis_text": "a cat"}
        turns = [*self.client.referee.turns, "never"]
        if kind == "message" and self.chance.random() < 0.3:
            payload["played"] = {"request_id": self.chance.choice(turns[-3:]), "chars": self.chance.randint(0, 40)}
        await self.client.say(kind, self._fresh(), payload)

    async def cancels(self) -> None:
        """A cancel by the running turn's id, by that of one that may have ended, or by a new one."""
        referee = self.client.referee
        ids = [name for name in referee.turns if name not in referee.unanswered and name not in referee.reused]
        name = self.chance.choice([*ids[-2:], self._fresh()])
        await self.client.say("cancel", name, {"reason": "user_spoke"} if self.chance.random() < 0.5 else None)

    async def repeats(self) -> None:
        """An id that was used for a turn."""
        used = list(self.client.referee.turns)
        if used and self._may_speak():
            await self.client.message(self.chance.choice(used))

    async def errs(self) -> None:
        """Something that is refused and must not touch a running turn."""
        wrong: Mapping[str, object] = self.chance.choice(
            ({"sampling": {"temperature": 9}}, {"sampling": "hot"}, {"user_utterance": " "}, {"played": 5})
        )
        if self.chance.random() < 0.3:
            await self.client.raw("nonsense")
        elif self._may_speak():
            await self.client.say("message", self._fresh(), {"user_utterance": "hi", **wrong})

    async def pings(self) -> None:
        """A ping, which is answered whatever goes on."""
        await self.client.say("ping", self._fresh())

    async def listens(self) -> None:
        """Read for a while, possibly for no time at all."""
        with trio.move_on_after(self.chance.choice((0.0, 0.01, 0.05, 0.3, 1.0))):
            while True:
                await self.client.frame()

    def _fresh(self) -> str:
        self._number += 1
        return f"n-{self._number}"

    def _may_speak(self) -> bool:
        self.turn_frames += self.turn_frames < TURN_FRAMES
        return self.turn_frames < TURN_FRAMES


__all__ = ["RAW", "Chatterbox", "Watched", "watched"]
