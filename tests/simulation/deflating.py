"""permessage-deflate (RFC 7692) as a client speaks it, by wsproto's own extension, and what it may ask for."""

import zlib

from attrs import define, field, frozen
from wsproto.extensions import PerMessageDeflate
from wsproto.frame_protocol import CloseReason, FrameProtocol, Opcode, RsvBits

PLAIN_EVERY = 4
"""Every so many messages one is sent as it is, which is allowed."""
TAIL = b"\x00"
"""What follows a final block, so that what a receiver puts behind the message is a block of its own (7.2.3.4)."""
PLAIN = RsvBits(False, False, False)
COMPRESSED = RsvBits(True, False, False)


@frozen(kw_only=True)
class Offer:
    """`header`: what the client says. `agreed`: the parameters that have to be in the answer, None if it is declined.

    `finals`: every so many compressed messages one ends with a final block; 0: none.
    """

    header: str
    agreed: frozenset[str] | None
    finals: int = 0


def _offer(*parameters: str, agreed: tuple[str, ...] | None = (), finals: int = 0) -> Offer:
    header = "; ".join(("permessage-deflate", *parameters))
    return Offer(header=header, agreed=None if agreed is None else frozenset(agreed), finals=finals)


_NEITHER = ("client_no_context_takeover", "server_no_context_takeover")

OFFERS: dict[str, Offer] = {
    "plain": _offer(),
    "browser": _offer("client_max_window_bits", agreed=("client_max_window_bits=15",)),
    "forgetful": _offer(*_NEITHER, agreed=_NEITHER, finals=3),
    "small-client": _offer("client_max_window_bits=9", agreed=("client_max_window_bits=9",)),
    "small-server": _offer("server_max_window_bits=9", agreed=("server_max_window_bits=9",)),
    "second": Offer(header="permessage-deflate; server_max_window_bits=7, permessage-deflate", agreed=frozenset()),
    "finals": _offer(finals=1),
    "unknown": _offer("no_such_parameter", agreed=None),
    "twice": _offer(_NEITHER[1], _NEITHER[1], agreed=None),
    "too-small": _offer("client_max_window_bits=7", agreed=None),
    "another": Offer(header="x-webkit-deflate-frame", agreed=None),
}


class CannotInflate(Exception):
    """What came is no deflate data of this connection."""


@define(eq=False)
class Deflating:
    """One connection's. `agreed`: whether the server has taken the offer."""

    offer: Offer
    agreed: bool = False
    _extension: PerMessageDeflate = field(factory=PerMessageDeflate)
    _side: FrameProtocol = field(factory=lambda: FrameProtocol(client=True, extensions=[]))
    _messages: int = 0
    _squeezes: bool = False
    _final: "zlib._Compress | None" = None

    def agree(self, answer: str) -> None:
        """The server's Sec-WebSocket-Extensions."""
        self._extension.finalize(answer)
        self.agreed = True

    def deflated(self, data: bytes, opcode: int, *, fin: bool) -> tuple[bytes, bool]:
        """The payload of a frame of a message, and whether the frame says that it is compressed."""
        kind = Opcode(opcode)
        is_first = kind is not Opcode.CONTINUATION
        if is_first:
            self._messages += 1
            self._squeezes = bool(data) and self._messages % PLAIN_EVERY != 0
            is_final = self.offer.finals and self._messages % self.offer.finals == 0
            self._final = zlib.compressobj(wbits=-self._extension.client_max_window_bits) if is_final else None
        if not self._squeezes:
            return data, False
        if self._final is not None:
            return self._final.compress(data) + (self._final.flush() + TAIL if fin else b""), is_first
        return bytes(self._extension.frame_outbound(self._side, kind, PLAIN, data, fin)[1]), is_first

    def inflated(self, payload: bytes, opcode: int) -> bytes:
        """A whole compressed message of the server's. Raises `CannotInflate`."""
        extension, side = self._extension, self._side
        extension.frame_inbound_header(side, Opcode(opcode), COMPRESSED, len(payload))
        data = extension.frame_inbound_payload_data(side, payload)
        rest = extension.frame_inbound_complete(side, True)
        if isinstance(data, CloseReason) or isinstance(rest, CloseReason):
            raise CannotInflate(f"{len(payload)} bytes do not inflate")
        return bytes(data) + bytes(rest or b"")


def wrong(answer: str | None, offer: Offer | None, *, compresses: bool) -> str | None:
    """What is wrong with a server's answer to an offer, None if nothing is."""
    expected = offer.agreed if offer is not None and compresses else None
    if answer is None or expected is None:
        return None if answer is None and expected is None else f"{answer!r} was agreed on, of {offer}"
    name, *parameters = [part.strip() for part in answer.split(";")]
    is_right = name == PerMessageDeflate.name and set(parameters) == expected
    return None if is_right else f"{answer!r} was agreed on, of {offer}"


__all__ = ["OFFERS", "CannotInflate", "Deflating", "Offer", "wrong"]
