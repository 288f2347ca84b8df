"""One connection as the network carries it: bytes of the client to the server's socket, and what that writes back."""

import random
from collections.abc import Callable

import trio
from attrs import define, field

from tests.simulation.hearing import Heard, Hearing, NotStrict
from tests.simulation.judge import Judge
from tests.simulation.network import Network
from tests.simulation.plan import Line
from tests.simulation.sockets import MOST_PIECES, Listener, Socket, Stream


@define(eq=False)
class Link:
    """`hears`: told each thing that the client has read. `over`: told why nothing more comes ("end" or "reset").

    `reads`: whether the client reads what arrives; `paused`: whether it ever did not. `silent`: nothing passes any
    more, either way.
    """

    number: int
    address: str
    line: Line
    lane: random.Random
    network: Network
    judge: Judge
    hears: Callable[[Heard], None]
    over: Callable[[str], None]
    hearing: Hearing = field(factory=Hearing)
    socket: Socket = field(init=False)
    reads: bool = True
    paused: bool = False
    silent: bool = False
    ended: str = ""
    _up_at: float = 0.0
    _down_at: float = 0.0
    _arrived: int = 0
    _read: int = 0
    _fin: bool = False

    def __attrs_post_init__(self) -> None:
        self.socket = Socket(
            self.number, self.address, self.line, self.lane, self._written, self._server_ended, self._server_reset
        )

    # -- the client's end ----------------------------------------------------------------------------------------------

    def connect(self, listener: Listener) -> None:
        """Arrive at the listener."""
        self._up(lambda: listener.connect(Stream(self.socket)))

    @property
    def refused(self) -> bool:
        """Whether nobody accepted the connection."""
        return not self.socket.accepted

    def send(self, data: bytes) -> None:
        """Bytes to the server, in segments."""
        if self.silent or self._fin or self.ended == "reset":
            return
        step = max(self.line.segment, len(data) // MOST_PIECES) if self.line.segment else max(1, len(data))
        for at in range(0, len(data), step):
            piece = data[at : at + step]
            self._up(lambda piece=piece: self.socket.arrive(piece))  # type: ignore[misc]

    def with_the_last(self, happens: Callable[[], None]) -> None:
        """Something happens as what was sent last arrives."""
        self.network.at(self._up_at, happens)

    def end(self) -> None:
        """Say nothing more (FIN)."""
        if not self.silent and not self._fin:
            self._fin = True
            self._up(self.socket.arrive_end)

    def reset(self) -> None:
        """Be gone, and say so (RST)."""
        if not self.silent:
            self._up(self.socket.arrive_reset)
            self.silent = True

    def vanish(self) -> None:
        """Be gone without a word."""
        self.silent = True

    def pause(self) -> None:
        """Read nothing."""
        self.reads, self.paused = False, True

    def resume(self) -> None:
        """Read again, what has arrived meanwhile at once."""
        self.reads = True
        self._take()

    @property
    def quiet(self) -> bool:
        """Whether everything that the server wrote has been read."""
        return self._read == self.hearing.written

    # -- the server's end ----------------------------------------------------------------------------------------------

    def _written(self, data: bytes) -> None:
        try:
            self.hearing.feed(data)
        except NotStrict as error:
            self.judge.broken("websocket", str(error))
        size = len(data)
        self._down(lambda: self._arrive(size))

    def _server_ended(self) -> None:
        self._down(lambda: self._finish("end"))

    def _server_reset(self) -> None:
        self._down(lambda: self._finish("reset"))

    def _arrive(self, size: int) -> None:
        self._arrived += size
        if self.reads:
            self._take()

    def _take(self) -> None:
        if self.silent or self.ended == "reset":
            return
        size, self._read = self._arrived - self._read, self._arrived
        if size:
            self.socket.read_by_client(size)
        for heard in self.hearing.heard(self._read):
            self.hears(heard)
        if self.ended == "end" and self.quiet:
            self.over("end")

    def _finish(self, how: str) -> None:
        if self.silent or self.ended == "reset":
            return
        self.ended = how
        if how == "reset":
            self.over("reset")
        elif self.reads:
            self._take()

    def _up(self, happens: Callable[[], None]) -> None:
        self._up_at = max(self._up_at, trio.current_time() + self._delay())
        self.network.at(self._up_at, happens)

    def _down(self, happens: Callable[[], None]) -> None:
        self._down_at = max(self._down_at, trio.current_time() + self._delay())
        self.network.at(self._down_at, happens)

    def _delay(self) -> float:
        return self.line.delay_s + (self.lane.random() * self.line.jitter_s if self.line.jitter_s else 0.0)


__all__ = ["Link"]
