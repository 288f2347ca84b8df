"""The byte stream under a WebSocket: writes go out whole and in order, and trying to write never waits."""

import os

import trio
from attrs import define, field

from actors.session.errors import ClientTooSlow

READ_BYTES = 65536
FINISH_S = 1.0
"""How long a peer may take to end its side once we have ended ours."""
FINISH_BYTES = 1 << 24
"""What it may still send meanwhile; unread bytes would make the kernel reset the connection, last frame included."""


@define(eq=False)
class Wire:
    """One TCP connection. `replay`: bytes that were read already, with the request's head.

    Whole frames go in by `push`, which hands the socket what it takes at once; the rest waits for `flush`. So frames
    never mix, whoever pushed them, and most cost no turn of the loop. A pong for a client that takes nothing waits
    behind what is unsent; only the newest is kept, which RFC 6455 section 5.5.3 allows. `send_timeout_s`: how long a
    client may take nothing while something waits. `closed`: nothing more that the peer says is heard, or it is gone.
    `free`: the connection is whole, no close frame was sent, and all that was pushed is on its way. `spoke`: something
    was pushed since whoever looks after silence set it to False; noting when would cost a twentieth of a token's time.
    """

    stream: trio.SocketStream
    replay: bytes = b""
    send_timeout_s: float = 20.0
    closed: trio.Event = field(factory=trio.Event)
    free: bool = True
    spoke: bool = True
    heard_at: float = field(factory=trio.current_time)
    _ended: bool = False
    _unsent: bytes = b""
    _pong: bytes = b""
    _last: bool = False

    async def receive(self) -> bytes:
        """What the peer sent, at most `READ_BYTES`; b"" at its end, or when the connection broke."""
        if self.replay:
            await trio.lowlevel.checkpoint()
            data, self.replay = self.replay, b""
            return data
        try:
            data = bytes(await self.stream.receive_some(READ_BYTES))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            data = b""
        if data:
            self.heard_at = trio.current_time()
        else:
            self._ended = True
            self.shut()
        return data

    def push(self, frames: bytes) -> None:
        """Send as much as the socket takes now. Raises `trio.BrokenResourceError`."""
        self.spoke = True
        if not self._unsent:
            taken = self._try(frames)
            if taken == len(frames):
                return
            frames = frames[taken:]
        self._unsent += frames
        self.advance()

    def push_last(self, frame: bytes) -> None:
        """Send a close frame; a pong that waits is forgotten. Raises `trio.BrokenResourceError`."""
        self._pong = b""
        self._last, self.free = True, False
        self.push(frame)

    def push_pong(self, frame: bytes) -> None:
        """Send a pong, before nothing and behind what waits. Raises `trio.BrokenResourceError`."""
        self._pong = frame
        self.advance()

    def advance(self) -> None:
        """Hand the socket what it takes of what waits. Raises `trio.BrokenResourceError`."""
        if self._unsent:
            self._unsent = self._unsent[self._try(self._unsent) :]
        if self._pong and not self._unsent:
            pong, self._pong = self._pong, b""
            self._unsent = pong[self._try(pong) :]
        self.free = not (self._unsent or self._last or self.closed.is_set())

    def shut(self) -> None:
        """Nothing more that the peer says is heard."""
        self.free = False
        self.closed.set()

    async def flush(self) -> None:
        """Return when the socket has taken everything. Raises `ClientTooSlow`, `trio.BrokenResourceError`."""
        if not self._unsent:
            await trio.lowlevel.checkpoint()
        while self._unsent:
            with trio.move_on_after(self.send_timeout_s) as patience:
                await self._writable()
            if patience.cancelled_caught:
                raise ClientTooSlow
            self.advance()

    async def finish(self) -> None:
        """End our side so that the peer can read all of it, in bounded time. The stream is still to be closed."""
        with trio.move_on_after(FINISH_S):
            try:
                await self.flush()
                await self.stream.send_eof()
            except (trio.BrokenResourceError, trio.ClosedResourceError, ClientTooSlow):
                return
            await self.drain(FINISH_BYTES)

    async def drain(self, at_most: int) -> None:
        """Read and forget, until the peer's end or so many bytes."""
        while at_most > 0 and not self._ended:
            at_most -= len(await self.receive())

    def abandon(self) -> None:
        """The peer is gone without a word: whoever reads or writes learns it now."""
        self.shut()
        try:
            self.stream.socket.shutdown(trio.socket.SHUT_RDWR)
        except OSError:
            return  # it is down already

    async def _writable(self) -> None:
        try:
            await trio.lowlevel.wait_writable(self.stream.socket)
        except (trio.ClosedResourceError, OSError) as error:
            raise trio.BrokenResourceError from error

    def _try(self, data: bytes) -> int:
        """Bytes that the socket took at once."""
        try:
            return os.write(self.stream.socket.fileno(), data)
        except BlockingIOError:
            return 0
        except OSError as error:
            self.shut()
            raise trio.BrokenResourceError from error


__all__ = ["READ_BYTES", "Wire"]
