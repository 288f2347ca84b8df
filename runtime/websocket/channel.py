"""A WebSocket connection as the actors see it: messages in, batches of text frames out, one bounded close."""

import io
from collections.abc import Iterator, Sequence

import structlog
import trio
from attrs import define, field
from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, Pong, TextMessage
from wsproto.extensions import Extension

from actors.connection import Disconnected
from runtime.websocket.deflate import BoundedDeflate
from runtime.websocket.guard import Guard
from runtime.websocket.wire import READ_BYTES, Wire

log = structlog.get_logger()
FIN_TEXT = 0x81
CLOSE_TOO_BIG = 1009
FAULTS = {1007: "invalid UTF-8, or data that does not inflate", CLOSE_TOO_BIG: "message too large once inflated"}
FRAMES_A_TURN = 32
"""Frames that are parsed before the loop gets its turn; an empty one takes 10 to 20 us."""
MESSAGE_WEIGHT = 8
"""A whole message counts as so many frames: its JSON is parsed as well."""
DEFLATED_BYTES = 256
"""Bytes that are inflated before the loop gets its turn: they become 256 kB at the most."""
SILENT_INTERVALS = 2
"""A peer that lets so many ping intervals pass without a byte is gone."""


@define(eq=False)
class WebSocket:
    """`actors.connection.Socket` over wsproto. `max_bytes`: one inbound message; a larger one closes with 1009.

    After our close frame, reading goes on for the peer's answer alone.
    """

    wire: Wire
    max_bytes: int
    deflate: BoundedDeflate | None = None
    _guard: Guard = field(init=False)
    _protocol: Connection = field(init=False)
    _events: Iterator[Event] = field(init=False)
    _unparsed: bytes = field(default=b"", init=False)
    _text: io.StringIO | None = field(default=None, init=False)
    _binary: bytearray | None = field(default=None, init=False)
    _size: int = field(default=0, init=False)
    _metered: int = field(default=0, init=False)
    _reads: bool = field(default=False, init=False)
    _asked_at: float | None = field(default=None, init=False)
    _silent_since: float = field(factory=trio.current_time, init=False)

    def __attrs_post_init__(self) -> None:
        self._guard = Guard(self.max_bytes)
        extensions: list[Extension] = [self._guard, self.deflate] if self.deflate else [self._guard]
        self._protocol = Connection(ConnectionType.SERVER, extensions)
        self._events = iter(())

    async def receive(self) -> str | bytes:
        """The next message. A fault of the peer closes the connection with the code that RFC 6455 names for it."""
        if self._reads:  # by whoever says goodbye, who got here while the reader was busy with a frame
            await self.wire.closed.wait()
            raise Disconnected
        self._reads = True
        try:
            while True:
                await self._meter()
                event = next(self._events, None)
                if event is None:
                    await self._feed()
                    continue
                # Before anybody else runs: wsproto's state is that of a connection on which it was answered.
                message = self._take(event)
                if message is not None:
                    self._metered += MESSAGE_WEIGHT
                    return message
        except trio.BrokenResourceError:
            raise Disconnected from None
        finally:
            self._reads = False

    @property
    def free(self) -> bool:
        """Whether the connection is open and the socket has taken all that it was given."""
        return self.wire.free

    def send_now(self, frames: Sequence[bytes]) -> bool:
        """Hand text frames to the socket; whether it took all. The next `send` sends the rest, or tells of a break."""
        try:
            self.wire.push(self._encoded(frames))
        except trio.BrokenResourceError:
            return False
        return self.wire.free

    async def send(self, frames: Sequence[bytes]) -> None:
        """Write text frames in one go, and what is left of earlier ones."""
        if self._protocol.state is not ConnectionState.OPEN:
            raise Disconnected
        try:
            self.wire.push(self._encoded(frames))
            await self.wire.flush()
        except trio.BrokenResourceError:
            raise Disconnected from None

    async def close(self, code: int, reason: str) -> None:
        """Send the close frame and wait for the peer's. Raises `ClientTooSlow`, `Disconnected`."""
        try:
            if self._protocol.state is ConnectionState.OPEN:
                self._say_goodbye(code, reason)
            await self.wire.flush()
        except trio.BrokenResourceError:
            raise Disconnected from None
        await self.wait_closed()

    async def wait_closed(self) -> None:
        """Return when the peer has closed or gone."""
        while not self.wire.closed.is_set():
            if self._reads:
                await self.wire.closed.wait()
                return
            try:
                await self.receive()
            except Disconnected:
                return

    def keep_alive(self, interval_s: float) -> None:
        """Ping after so many seconds of our silence (0: never); give up a peer that is not heard of for two of them."""
        now, wire = trio.current_time(), self.wire
        if wire.spoke:
            wire.spoke, self._silent_since = False, now
        if wire.closed.is_set() or self._protocol.state is not ConnectionState.OPEN:
            return
        try:
            wire.advance()
        except trio.BrokenResourceError:
            wire.abandon()
            return
        if self._asked_at is not None and wire.heard_at >= self._asked_at:
            self._asked_at = None
        if not interval_s:
            return
        if self._asked_at is not None and now - self._asked_at >= SILENT_INTERVALS * interval_s:
            log.debug("peer.gone", silent_s=round(now - wire.heard_at, 1))
            wire.abandon()
        elif now - self._silent_since >= interval_s:
            self._asked_at = now if self._asked_at is None else self._asked_at
            try:
                wire.push(bytes(self._protocol.send(Ping())))
            except trio.BrokenResourceError:
                wire.abandon()

    async def _meter(self) -> None:
        self._metered += 1
        if self._metered >= FRAMES_A_TURN:
            self._metered = 0
            await trio.lowlevel.checkpoint()

    async def _feed(self) -> None:
        """Give the parser its next bytes: everything that came, or where they inflate, a little."""
        if not self._unparsed:
            self._unparsed = await self.wire.receive()
            if not self._unparsed:
                raise Disconnected
        elif self.deflate is not None:
            await trio.lowlevel.checkpoint()
        size = READ_BYTES if self.deflate is None else DEFLATED_BYTES
        piece, self._unparsed = self._unparsed[:size], self._unparsed[size:]
        self._protocol.receive_data(piece)
        self._events = iter(self._protocol.events())

    def _take(self, event: Event) -> str | bytes | None:
        match event:
            case Ping():
                if self._protocol.state is ConnectionState.OPEN:
                    self.wire.push_pong(bytes(self._protocol.send(Pong(payload=bytes(event.payload)))))
            case TextMessage() | BytesMessage() if self._protocol.state is ConnectionState.OPEN:
                return self._piece(event)
            case CloseConnection():
                self._end(event)
        return None

    def _piece(self, event: TextMessage | BytesMessage) -> str | bytes | None:
        """A piece of a message; the whole of it if it is the last."""
        data: str | bytes = event.data if isinstance(event, TextMessage) else bytes(event.data)
        whole = event.message_finished and not self._size
        self._size += len(data) if isinstance(data, bytes) or data.isascii() else len(data.encode())
        if self._size > self.max_bytes:
            self._fail(CLOSE_TOO_BIG, f"message of {self._size} bytes or more, at most {self.max_bytes}")
        if not whole:
            data = self._joined(event)
        if not event.message_finished:
            return None
        self._size, self._text, self._binary = 0, None, None
        return data

    def _joined(self, event: TextMessage | BytesMessage) -> str | bytes:
        """What there is of the message so far, if this was its last piece."""
        if isinstance(event, TextMessage):
            self._text = self._text or io.StringIO()
            self._text.write(event.data)
            return self._text.getvalue() if event.message_finished else ""
        assert isinstance(event, BytesMessage)
        self._binary = bytearray() if self._binary is None else self._binary
        self._binary += event.data
        return bytes(self._binary) if event.message_finished else b""

    def _end(self, event: CloseConnection) -> None:
        """The peer's close frame, or (nothing in the state tells of one) a frame that wsproto refused."""
        if self._protocol.state is ConnectionState.OPEN:
            self._fail(int(event.code), self._guard.why or FAULTS.get(int(event.code)) or str(event.reason))
        if self._protocol.state is ConnectionState.REMOTE_CLOSING:
            self.wire.push_last(bytes(self._protocol.send(event.response())))
        self.wire.shut()
        raise Disconnected

    def _fail(self, code: int, why: str) -> None:
        """Fail the connection (RFC 6455, section 7.1.7): a close frame, and nothing more is read."""
        log.debug("peer.failed", code=code, why=why)
        self._say_goodbye(code, why)
        self.wire.shut()
        raise Disconnected

    def _say_goodbye(self, code: int, reason: str) -> None:
        self.wire.push_last(bytes(self._protocol.send(CloseConnection(code=code, reason=reason))))

    def _encoded(self, frames: Sequence[bytes]) -> bytes:
        if self.deflate is not None:
            return b"".join(bytes(self._protocol.send(TextMessage(data=frame.decode()))) for frame in frames)
        return text_frame(frames[0]) if len(frames) == 1 else b"".join(map(text_frame, frames))


def text_frame(data: bytes) -> bytes:
    """One unmasked, unfragmented text frame (RFC 6455, section 5.2) with this UTF-8 text."""
    size = len(data)
    if size < 126:
        head = bytes((FIN_TEXT, size))
    elif size < 65536:
        head = bytes((FIN_TEXT, 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((FIN_TEXT, 127)) + size.to_bytes(8, "big")
    return head + data


__all__ = ["WebSocket", "text_frame"]
