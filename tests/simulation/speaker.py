"""How a simulated client speaks: WebSocket frames made by hand, good ones and forbidden ones."""

import trio
from attrs import define, field

from tests.simulation.deflating import Deflating
from tests.simulation.link import Link
from tests.simulation.plan import ClientPlan
from tests.simulation.trace import Trace
from tooling.benchmarks.bystander.frames import CLOSE, CONTINUATION, PING, TEXT, frame


@define(eq=False, kw_only=True)
class Speaker:
    """`state`: "new", "opening", "open", "closing" (it has seen or said a close frame), "over".

    `gone`: it went away, or broke the protocol so that it may be sent away, on purpose; `forbidden`: what it did first,
    while it was connected, that RFC 6455 forbids. `codes`: close codes that it has earned. `pinged`: payloads of the
    WebSocket's pings, with their times. `squeezes`: whether it compresses what it says.
    """

    plan: ClientPlan
    trace: Trace
    link: Link = field(init=False)
    state: str = "new"
    gone: str = ""
    forbidden: str = ""
    codes: set[int] = field(factory=set)
    pinged: list[tuple[float, bytes]] = field(factory=list)
    squeezes: bool = False
    _sent: int = 0
    _largest: int = 0

    @property
    def name(self) -> str:
        """The plan's name of it."""
        return self.plan.name

    @property
    def deflating(self) -> Deflating | None:
        """How it compresses, if it wants to."""
        return self.link.hearing.deflating

    def say_pieces(self, data: bytes, pieces: int) -> None:
        """One text message in fragments, a ping between each two."""
        self._largest = max(self._largest, len(data))
        size = -(-len(data) // pieces)
        for at in range(0, len(data), size):
            last = at + size >= len(data)
            self.say_raw(data[at : at + size], TEXT if at == 0 else CONTINUATION, fin=last)
            if not last:
                self.ping(b"%d" % at)

    def ping(self, payload: bytes) -> None:
        """Send a ping of the WebSocket's."""
        self.pinged.append((trio.current_time(), payload))
        self.say_raw(payload, PING)

    def say_raw(self, data: bytes, opcode: int = 1, *, fin: bool = True) -> None:
        """Send one WebSocket frame, compressed where that was agreed on and is allowed."""
        self._largest = max(self._largest, len(data))
        payload, is_marked = data, False
        if self.squeezes and self.deflating is not None and opcode < CLOSE:
            payload, is_marked = self.deflating.deflated(data, opcode, fin=fin)
        self._sent += max(0, len(data) - len(payload))
        self.send(frame(payload, opcode, fin=fin, compressed=is_marked))

    def violate(self, what: str, data: bytes, code: int) -> None:
        """Send what is forbidden, and ends the connection with this code."""
        self.note(f"> {what}")
        self.earn(code)
        if self.state == "open":
            self.forbidden = self.forbidden or what
        self.gone = self.gone or what
        self._largest = max(self._largest, len(data))
        self.send(data)

    def earn(self, code: int) -> None:
        """From now on it may be closed with this; once it has broken the protocol, with nothing else."""
        if not self.forbidden:
            self.codes.add(code)

    def send(self, data: bytes) -> None:
        """Send bytes."""
        if self.state != "over":
            self._sent += len(data)
            self.link.send(data)

    def say_close(self, code: int = 1000) -> None:
        """Send a close frame, once."""
        if self.state in ("open", "opening"):
            self.state = "closing"
            self.say_raw(code.to_bytes(2, "big"), CLOSE)

    def note(self, what: str) -> None:
        """For the trace."""
        self.trace.note(self.name, what)


__all__ = ["Speaker"]
