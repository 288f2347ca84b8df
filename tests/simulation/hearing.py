"""What the server writes on one connection, read strictly: a head, then HTTP's body or WebSocket frames."""

import json
from collections import deque
from collections.abc import Callable
from typing import Any

from attrs import define, field, frozen

from tests.simulation.deflating import CannotInflate, Deflating, wrong
from tooling.benchmarks.bystander.frames import CLOSE, PING, PONG, TEXT, received

END_OF_HEAD = b"\r\n\r\n"
EXTENSIONS = "Sec-WebSocket-Extensions"
RSV1 = 0x40
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
"""What RFC 6455 answers to the key of `upgrade`."""


@frozen
class Heard:
    """One thing the server said: its `kind` is head, text, ping, pong or close. `end`: bytes it had written with it."""

    end: int
    kind: str
    status: int = 0
    reason: str = ""
    message: dict[str, Any] = field(factory=dict)
    payload: bytes = b""


class NotStrict(Exception):
    """What the server wrote is no HTTP answer or no WebSocket frame of a server."""


@define(eq=False)
class Hearing:
    """`messages`: the protocol's frames, as written. `waiting`: what the client has not heard yet. `body`: of HTTP.

    `deflating`: what the client offered to compress by; `compresses`: whether the server may agree.
    `answered`: told when a head is written.
    """

    messages: list[dict[str, Any]] = field(factory=list)
    waiting: deque[Heard] = field(factory=deque)
    head: str | None = None
    body: bytearray = field(factory=bytearray)
    written: int = 0
    closed: bool = False
    deflating: Deflating | None = None
    compresses: bool = False
    answered: Callable[[], None] = field(default=lambda: None)
    _buffer: bytearray = field(factory=bytearray)

    @property
    def upgraded(self) -> bool:
        """Whether WebSocket frames follow."""
        return self.head is not None and self.head.startswith("HTTP/1.1 101 ")

    def feed(self, data: bytes) -> None:
        """Bytes were written. Raises `NotStrict`."""
        self.written += len(data)
        self._buffer += data
        if self.head is None and not self._read_head():
            return
        if not self.upgraded:
            self.body += self._buffer
            self._buffer.clear()
            return
        while len(self._buffer) >= 2:
            self._check(self._buffer[0], self._buffer[1])
            is_compressed = bool(self._buffer[0] & RSV1)
            taken = next(received(self._buffer, 1), None)
            if taken is None:
                return
            self._frame(*taken, is_compressed=is_compressed)

    def heard(self, size: int) -> list[Heard]:
        """What a client that has read so many bytes has heard since it was asked last."""
        found = []
        while self.waiting and self.waiting[0].end <= size:
            found.append(self.waiting.popleft())
        return found

    def _read_head(self) -> bool:
        at = self._buffer.find(END_OF_HEAD)
        if at < 0:
            return False
        self.head = self._buffer[:at].decode("latin-1")
        del self._buffer[: at + len(END_OF_HEAD)]
        _require(self.head.startswith("HTTP/1.1 "), f"a head that begins with {self.head[:20]!r}")
        if self.upgraded:
            _require(f"Sec-WebSocket-Accept: {ACCEPT}" in self.head, "another key's Sec-WebSocket-Accept")
            self._agree(self.head)
        self.answered()
        self._say("head", status=int(self.head[9:12]))
        return True

    def _agree(self, head: str) -> None:
        answers = [line.partition(": ")[2] for line in head.split("\r\n") if line.startswith(EXTENSIONS)]
        _require(len(answers) <= 1, f"{EXTENSIONS}: {answers}")
        answer = answers[0] if answers else None
        offer = self.deflating.offer if self.deflating is not None else None
        objection = wrong(answer, offer, compresses=self.compresses)
        _require(objection is None, str(objection))
        if self.deflating is not None and answer is not None:
            self.deflating.agree(answer)

    def _check(self, first: int, second: int) -> None:
        _require(not self.closed, "bytes behind the close frame")
        may_compress = self.deflating is not None and self.deflating.agreed and first & 0x0F == TEXT
        bits = first & 0xF0 & ~(RSV1 if may_compress else 0)
        _require(bits == 0x80, f"a frame that begins with {first:#x}")
        _require(not second & 0x80, "a masked frame")
        _require(not first & 0x08 or second <= 125, "a control frame too long")

    def _frame(self, opcode: int, payload: bytes, *, is_compressed: bool) -> None:
        if is_compressed and self.deflating is not None:
            try:
                payload = self.deflating.inflated(payload, opcode)
            except CannotInflate as error:
                raise NotStrict(str(error)) from None
        if opcode == TEXT:
            try:
                message = json.loads(payload.decode())
            except ValueError as error:
                raise NotStrict(f"a text frame that is no JSON in UTF-8: {error}") from None
            self.messages.append(message)
            self._say("text", message=message)
        elif opcode == CLOSE:
            _require(len(payload) >= 2, "a close frame without a code")
            self.closed = True
            self._say("close", status=int.from_bytes(payload[:2], "big"), reason=payload[2:].decode())
        else:
            _require(opcode in (PING, PONG), f"a frame of opcode {opcode}")
            self._say("ping" if opcode == PING else "pong", payload=payload)

    def _say(self, kind: str, **more: Any) -> None:
        self.waiting.append(Heard(self.written - len(self._buffer), kind, **more))


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise NotStrict(otherwise)


__all__ = ["Heard", "Hearing", "NotStrict"]
