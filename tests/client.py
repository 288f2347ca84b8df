"""A client and its WebSocket in memory: the connection's end is `actors.connection.Socket`, the other is the test's."""

import itertools
import json
import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import trio
from attrs import define, field

from actors.connection import Disconnected
from actors.session.errors import ClientTooSlow
from tests.referee import Message, Referee


@define(eq=False)
class Client:
    """Speaks at any time; reads at once what arrives, or only when told to.

    `reads`: whether it reads by itself. `window_bytes`: what the network takes from the server on top of what was
    read. `said`: payloads by request id. `frames`: everything read, each with its time in `times`. `closed`: code and
    reason of the server's close. `over`: the server is done with this connection.
    """

    referee: Referee = field(factory=Referee)
    reads: bool = True
    window_bytes: float = math.inf
    send_timeout_s: float = 20.0
    said: dict[str, Message] = field(factory=dict)
    frames: list[Message] = field(factory=list)
    times: list[float] = field(factory=list)
    closed: tuple[int, str] | None = None
    over: trio.Event = field(factory=trio.Event)
    _number: int = 0
    _spoken: deque[str | bytes] = field(factory=deque)
    _network: deque[bytes] = field(factory=deque)
    _gone: trio.Event = field(factory=trio.Event)
    _changed: trio.Event = field(factory=trio.Event)

    # -- the test's end ------------------------------------------------------------------------------------------------

    def say(self, kind: str, /, *, session_id: str = "s", request_id: str | None = None, **payload: Any) -> str:
        """Send a frame; its request id, a fresh one unless it is given."""
        self._number += 1
        name = request_id or f"{kind}-{self._number}"
        frame = {"type": kind, "session_id": session_id, "request_id": name, "payload": payload}
        self.referee.said(kind, name)
        self.said.setdefault(name, payload)
        self.say_raw(json.dumps(frame))
        return name

    def start(self, text: str = "hello there", **payload: Any) -> str:
        """Send a `start` with what a first one needs; raw text is wanted unless the payload says otherwise."""
        payload = {"chat_prompt": "be kind", "sampling": {"sanitize_output": False}, **payload}
        return self.say("start", user_utterance=text, **payload)

    def say_raw(self, frame: str | bytes) -> None:
        """Send anything."""
        self._spoken.append(frame)
        self._wake()

    def read(self, count: int | None = None) -> None:
        """Read so many of the frames that arrived (None: all)."""
        for _ in range(len(self._network) if count is None else min(count, len(self._network))):
            frame = json.loads(self._network.popleft())
            self.referee.heard(frame)
            self.frames.append(frame)
            self.times.append(trio.current_time())
        self._wake()

    @property
    def unread(self) -> int:
        """Frames that arrived and were not read."""
        return len(self._network)

    def hang_up(self) -> None:
        """Be gone without a word."""
        self._gone.set()
        self._wake()

    async def until(self, wanted: Callable[[Message], bool]) -> Message:
        """The first frame ever read that is `wanted`, once it is here."""
        seen = 0
        while True:
            for frame in self.frames[seen:]:
                if wanted(frame):
                    return frame
            seen = len(self.frames)
            assert not self.over.is_set(), f"closed with {self.closed} before the wanted frame; {self.kinds()}"
            await self._change()

    async def next(self, kind: str, request_id: str | None = None) -> Message:
        """The first frame of this type, under this id if one is given."""
        return await self.until(
            lambda frame: frame["type"] == kind and (request_id is None or frame["request_id"] == request_id)
        )

    async def end_of(self, request_id: str) -> Message:
        """The terminal frame of a turn."""

        def ended(_frame: Message) -> bool:
            turn = self.referee.turns.get(request_id)
            return turn is not None and turn.end is not None

        await self.until(ended)
        end = self.referee.turns[request_id].end
        assert end is not None
        return end

    def kinds(self, request_id: str | None = None) -> list[str]:
        """The types of the frames read, runs of tokens as one."""
        kinds = [frame["type"] for frame in self.frames if request_id in (None, frame["request_id"])]
        return [kind for kind, _ in itertools.groupby(kinds)]

    def reason_codes(self) -> list[str]:
        """The reason codes of the errors read."""
        return [frame["payload"]["details"]["reason_code"] for frame in self.frames if frame["type"] == "error"]

    # -- the connection's end ------------------------------------------------------------------------------------------

    async def receive(self) -> str | bytes:
        """What the client says next."""
        await trio.lowlevel.checkpoint()
        while not self._spoken:
            if self._gone.is_set() or self.closed:
                raise Disconnected
            await self._change()
        return self._spoken.popleft()

    @property
    def free(self) -> bool:
        """Whether the network would take more, as far as a sender can know."""
        return not self._gone.is_set() and self.closed is None and self._unread_bytes <= self.window_bytes

    def send_now(self, frames: Sequence[bytes]) -> bool:
        """Hand frames to the network. Like a kernel, it takes them from a sender who cannot know yet who is gone."""
        self._network.extend(frames)
        self._deliver()
        return self.free

    async def send(self, frames: Sequence[bytes]) -> None:
        """The same, and wait until it has room again."""
        if self._gone.is_set() or self.closed:
            raise Disconnected
        # Before anybody else runs, as a socket takes them: what is sent meanwhile comes behind.
        self.send_now(frames)
        await trio.lowlevel.checkpoint()
        while self._unread_bytes > self.window_bytes:
            unread = len(self._network)
            with trio.move_on_after(self.send_timeout_s) as patience:
                while len(self._network) == unread and not self._gone.is_set():
                    await self._change()
            if patience.cancelled_caught:
                raise ClientTooSlow
            if self._gone.is_set():
                raise Disconnected

    async def close(self, code: int, reason: str) -> None:
        """The server's close; a client that reads answers it at once."""
        self.closed = (code, reason)
        self._wake()
        if not self.reads:
            await self._gone.wait()
        await trio.lowlevel.checkpoint()

    async def wait_closed(self) -> None:
        """Return when the client is gone."""
        await self._gone.wait()

    @property
    def _unread_bytes(self) -> int:
        return sum(map(len, self._network))

    # -- between -------------------------------------------------------------------------------------------------------

    def _deliver(self) -> None:
        if self.reads and not self._gone.is_set():
            self.read()

    def finished(self) -> None:
        """The server is done with this connection."""
        self.over.set()
        self._wake()

    async def _change(self) -> None:
        await self._changed.wait()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()


__all__ = ["Client"]
