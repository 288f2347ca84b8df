"""The server's end of a simulated TCP connection: as much of `trio.SocketStream` as the server uses, and the kernel.

It behaves as POSIX allows and Linux does: a write takes what there is room for, or less; what was written before the
client closed is read; a socket that is closed with bytes unread resets the connection, and what the client has not
read by then is lost.
"""

import errno
import random
from collections.abc import Callable

import trio
from attrs import define, field

from tests.simulation.plan import Line

DESCRIPTORS_FROM = 1_000_000
"""No real descriptor is that large."""


MOST_PIECES = 200
"""Into about so many a large piece is cut at the most: more of them show nothing new, and take all the time."""


@define(eq=False)
class Socket:
    """`written`, `ended`, `reset`: what the client's end is told, at once: bytes, the end of them, a reset.

    `room`: bytes that a write may take now. `lane`: draws the sizes of reads and writes.
    """

    number: int
    address: str
    line: Line
    lane: random.Random
    written: Callable[[bytes], None]
    ended: Callable[[], None]
    reset: Callable[[], None]
    room: int = field(init=False)
    inbound: bytearray = field(factory=bytearray)
    accepted: bool = False
    heard_end: bool = False
    broken: bool = False
    said_end: bool = False
    shut: bool = False
    closed: bool = False
    _readable: trio.Event = field(factory=trio.Event)
    _writable: trio.Event = field(factory=trio.Event)

    def __attrs_post_init__(self) -> None:
        self.room = self.line.window

    # -- as the server's code knows it ---------------------------------------------------------------------------------

    def fileno(self) -> int:
        """Its descriptor; -1 once it is closed."""
        return -1 if self.closed else DESCRIPTORS_FROM + self.number

    def getpeername(self) -> tuple[str, int]:
        """Where it comes from."""
        if self.broken:
            raise OSError(errno.ENOTCONN, "not connected")
        return self.address, 40000 + self.number

    def shutdown(self, _how: int) -> None:
        """Both directions."""
        if self.broken:
            raise OSError(errno.ENOTCONN, "not connected")
        self.shut = True
        self._end()
        self.wake()

    def write(self, data: bytes) -> int:
        """`os.write`."""
        if self.closed:
            raise OSError(errno.EBADF, "closed")
        if self.broken or self.said_end:
            raise BrokenPipeError(errno.EPIPE, "broken")
        size = min(len(data), self.room)
        if size <= 0:
            raise BlockingIOError(errno.EAGAIN, "full")
        if self.line.write_most:
            size = min(size, self.lane.randint(1, self.line.write_most))
        self.room -= size
        self.written(bytes(data[:size]))
        return size

    async def wait_writable(self) -> None:
        """`trio.lowlevel.wait_writable`."""
        await trio.lowlevel.checkpoint()
        while self.room <= 0 and not self.broken and not self.said_end:
            if self.closed:
                raise trio.ClosedResourceError
            await self._writable.wait()

    async def receive(self, most: int) -> bytes:
        """What has come; b"" at the end. Raises `BrokenResourceError`, `ClosedResourceError`."""
        await trio.lowlevel.checkpoint_if_cancelled()
        waited = False
        while not self.inbound:
            if self.closed:
                raise trio.ClosedResourceError
            if self.broken:
                raise trio.BrokenResourceError
            if self.heard_end or self.shut:
                break
            await self._readable.wait()
            waited = True
        if not waited:
            await trio.lowlevel.cancel_shielded_checkpoint()
        if self.closed:
            raise trio.ClosedResourceError
        size = min(most, len(self.inbound))
        if self.line.read_most and size:
            size = min(size, self.lane.randint(1, max(self.line.read_most, size // MOST_PIECES)))
        data = bytes(self.inbound[:size])
        del self.inbound[:size]
        return data

    def end(self) -> None:
        """Half-close: nothing more is written."""
        if self.closed:
            raise trio.ClosedResourceError
        if self.broken:
            raise trio.BrokenResourceError
        self._end()

    def close(self) -> None:
        """For good."""
        if self.closed:
            return
        self.closed = True
        if self.inbound and not self.broken:
            self.broken = True
            self.reset()
        self._end()
        self.wake()

    # -- as the network knows it ---------------------------------------------------------------------------------------

    def arrive(self, data: bytes) -> None:
        """Bytes of the client; a socket that is closed answers with a reset."""
        if self.closed:
            if not self.broken:
                self.broken = True
                self.reset()
            return
        if not self.broken and not self.shut:
            self.inbound += data
            self.wake()

    def arrive_end(self) -> None:
        """The client says nothing more."""
        self.heard_end = True
        self.wake()

    def arrive_reset(self) -> None:
        """The client is gone."""
        self.broken = True
        self.inbound.clear()
        self.wake()

    def refuse(self) -> None:
        """Nobody accepts it."""
        self.broken = self.closed = True
        self.reset()

    def read_by_client(self, size: int) -> None:
        """Room for more."""
        self.room += size
        self.wake()

    def wake(self) -> None:
        """Whoever waits looks again."""
        self._readable.set()
        self._writable.set()
        self._readable, self._writable = trio.Event(), trio.Event()

    def _end(self) -> None:
        if not self.said_end:
            self.said_end = True
            if not self.broken:
                self.ended()


@define(eq=False)
class Stream(trio.abc.HalfCloseableStream):
    """As much of `trio.SocketStream` as the server uses."""

    socket: Socket

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        return await self.socket.receive(65536 if max_bytes is None else max_bytes)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        rest = bytes(data)
        await trio.lowlevel.checkpoint()
        while rest:
            await self.socket.wait_writable()
            try:
                rest = rest[self.socket.write(rest) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise trio.BrokenResourceError from error

    async def wait_send_all_might_not_block(self) -> None:
        await self.socket.wait_writable()

    async def send_eof(self) -> None:
        await trio.lowlevel.checkpoint()
        self.socket.end()

    async def aclose(self) -> None:
        self.socket.close()
        await trio.lowlevel.checkpoint()


@define(eq=False)
class Bound:
    """What a listener tells of its own socket."""

    port: int

    def getsockname(self) -> tuple[str, int]:
        """Where it listens."""
        return "0.0.0.0", self.port


@define(eq=False)
class Listener(trio.abc.Listener[Stream]):
    """Where connections come in. `failing`: what `accept` raises instead, one after the other."""

    socket: Bound = field(factory=lambda: Bound(8000))
    failing: list[OSError] = field(factory=list)
    closed: bool = False
    _waiting: list[Stream] = field(factory=list)
    _bell: trio.Event = field(factory=trio.Event)

    def connect(self, stream: Stream) -> None:
        """A client has connected; nobody listens any more: it is refused."""
        if self.closed:
            stream.socket.refuse()
            return
        self._waiting.append(stream)
        self._bell.set()

    async def accept(self) -> Stream:
        await trio.lowlevel.checkpoint()
        while not self._waiting:
            self._bell = trio.Event()
            await self._bell.wait()
        if self.failing:
            raise self.failing.pop(0)
        stream = self._waiting.pop(0)
        stream.socket.accepted = True
        return stream

    async def aclose(self) -> None:
        self.closed = True
        for stream in self._waiting:
            stream.socket.refuse()
        self._waiting.clear()
        await trio.lowlevel.checkpoint()


__all__ = ["DESCRIPTORS_FROM", "MOST_PIECES", "Listener", "Socket", "Stream"]
