"""A server without sockets, and a user without a keyboard: real talks, lines and connections on a virtual clock."""

import json
import math
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio
import trio.testing
from attrs import define, field

from tooling.clients.failures import ClientError, NoConnection
from tooling.clients.live.dialogue import Dialogue
from tooling.clients.live.line import Event, Line
from tooling.clients.live.memory import Memory
from tooling.clients.live.screens.status import State, Status
from tooling.clients.live.talk import Talk
from tooling.clients.live.wardrobe import Wardrobe
from tooling.clients.session.connection import Connection, Limits
from tooling.yap_client import errors
from tooling.yap_client.trio_link import Link

USAGE = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8, "cached_tokens": None}


class Wire(Link):
    """The server's end of one connection. `seen`: the client's frames."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self._out, self._in = trio.open_memory_channel[str](math.inf)
        self._lost: errors.ConnectionLost | None = None

    @property
    def headers(self) -> Mapping[str, str]:
        """As the link says."""
        return {"X-Model": "any"}

    async def send(self, text: str) -> None:
        """As the link says."""
        await trio.lowlevel.checkpoint()
        self.seen.append(json.loads(text))

    async def receive(self, awaited: str, limit_s: float) -> str:
        """As the link says."""
        try:
            return await self._in.receive()
        except trio.EndOfChannel:
            assert self._lost is not None
            raise self._lost from None

    def says(self, kind: str, about: int = -1, **payload: Any) -> None:
        """A frame about the client's frame of that number."""
        frame = self.seen[about]
        ids = {"session_id": frame["session_id"], "request_id": frame["request_id"]}
        self._out.send_nowait(json.dumps({"type": kind, **ids, "payload": payload}))

    def begins(self, *words: str, about: int = -1) -> None:
        """A turn's first frames."""
        self.says("ack", about, ok=True, **{"for": self.seen[about]["type"]})
        for word in words:
            self.says("token", about, text=word)

    def replies(self, *words: str, about: int = -1) -> None:
        """A whole turn."""
        self.begins(*words, about=about)
        self.says("final", about, normalized_text="".join(words))
        self.says("done", about, usage=USAGE, finish_reason="stop", timings={})

    def refuses(self, code: str, about: int = -1, **details: Any) -> None:
        """An error that ends nothing which was acked."""
        self.says("error", about, code=code, message="m", details={"reason_code": "r", **details})

    def hangs_up(self, code: int, reason: str = "") -> None:
        """The end of the connection."""
        self._lost = errors.ConnectionLost(code, reason)
        self._out.close()


@define
class Log:
    """A screen that writes everything down."""

    lines: list[str] = field(factory=list)
    status: Status = field(factory=Status)

    def you(self, text: str) -> None:
        """As `Screen` says."""
        self.lines.append(f"> {text}")

    def token(self, text: str) -> None:
        """As `Screen` says."""
        self.lines.append(f"+{text}")

    def end_of_reply(self, mark: str) -> None:
        """As `Screen` says."""
        self.lines.append(f".{mark}")

    def note(self, text: str) -> None:
        """As `Screen` says."""
        self.lines.append(text)

    def prompt(self) -> None:
        """As `Screen` says."""
        self.lines.append("?")

    def show(self, status: Status) -> None:
        """As `Screen` says."""
        self.status = status


@define(eq=False)
class Switchboard:
    """`wires`: every connection there was. `dead`: nobody answers. `pauses`: seconds before each dialling."""

    dialogue: Dialogue
    log: Log
    tell: Callable[[Event], None]
    wires: list[Wire] = field(factory=list)
    pauses: list[float] = field(factory=list)
    dead: bool = False
    outcome: ClientError | None = None
    over: trio.Event = field(factory=trio.Event)

    @property
    def talk(self) -> Talk:
        """The talk."""
        return self.dialogue.talk

    @property
    def wire(self) -> Wire:
        """The newest connection."""
        return self.wires[-1]

    async def settle(self) -> None:
        """Let everything happen that needs no time to pass."""
        await trio.testing.wait_all_tasks_blocked()

    async def type(self, item: Event) -> None:
        """The user does that, and it has its effect."""
        self.tell(item)
        await self.settle()

    @asynccontextmanager
    async def dial(self) -> AsyncIterator[Connection]:
        """A connection, as `connected` gives one."""
        await trio.sleep(0.01)
        if self.dead:
            raise NoConnection("no connection to ws://there")
        self.wires.append(Wire())
        connection = Connection(self.wires[-1], "live", Limits(), note=self.log.note)
        yield connection
        await connection.send("end", {})


@asynccontextmanager
async def switchboard(folder: Path, *, barge_in: bool = True, dead: bool = False) -> AsyncIterator[Switchboard]:
    """A running conversation that has said `hello` on its first connection, or is about to."""
    send, receive = trio.open_memory_channel[Event](math.inf)
    log, wardrobe = Log(), Wardrobe(folder)
    wardrobe.look()
    async with trio.open_nursery() as nursery:

        def open_line(line: Line, pause_s: float) -> None:
            board.pauses.append(pause_s)
            nursery.start_soon(line.run, board.dial, send.send_nowait, pause_s)

        talk = Talk(
            screen=log,
            wardrobe=wardrobe,
            open_line=open_line,
            choose=lambda _model: "anna",
            opening=lambda persona, history: {"chat_prompt": persona.prompt, "history": history},
            memory=Memory(),
        )
        board = Switchboard(Dialogue(talk=talk, timeout_s=60, barge_in=barge_in), log, send.send_nowait, dead=dead)

        async def hold() -> None:
            try:
                await board.dialogue.run(receive, "hello")
            except ClientError as error:
                board.outcome = error
            board.over.set()

        nursery.start_soon(hold)
        await trio.sleep(0.02)
        await board.settle()
        yield board
        nursery.cancel_scope.cancel()


def dress(folder: Path, key: str, prompt: str) -> None:
    """A persona file."""
    (folder / f"{key}.toml").write_text(f'gender = "female"\npersonality = "calm"\nprompt = "{prompt}"\n', "utf-8")


def state(board: Switchboard) -> State:
    """What the status line says."""
    return board.log.status.state


__all__ = ["USAGE", "Log", "Switchboard", "Wire", "dress", "state", "switchboard"]
