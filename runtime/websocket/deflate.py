"""permessage-deflate (RFC 7692) that never inflates more than a message may have."""

import zlib

from wsproto.extensions import PerMessageDeflate
from wsproto.frame_protocol import CloseReason, FrameDecoder, FrameProtocol, Opcode, RsvBits

TAIL = b"\x00\x00\xff\xff"
"""What a sender leaves out at the end of a message (RFC 7692, section 7.2.1)."""


class BoundedDeflate(PerMessageDeflate):
    """wsproto's extension with an inbound half of our own.

    Its own inflates without a bound, and forgets that a message is compressed when a control frame comes between two
    of its fragments. `max_bytes`: inflated bytes of one message.
    """

    def __init__(self, max_bytes: int) -> None:
        super().__init__()
        self.max_bytes = max_bytes
        self._room = max_bytes
        self._inflater: zlib._Decompress | None = None
        self._inflates = False
        self._is_control = False

    def accept(self, offer: str) -> bool | str | None:
        """The parameters agreed on, or None for an offer that cannot be met or read."""
        try:
            agreed: bool | str | None = super().accept(offer)
        except ValueError:
            return None
        return agreed

    def frame_inbound_header(
        self, proto: FrameDecoder | FrameProtocol, opcode: Opcode, rsv: RsvBits, payload_length: int
    ) -> CloseReason | RsvBits:
        """RSV1 marks a compressed message, on its first frame only (RFC 7692, section 6)."""
        self._is_control = opcode.iscontrol()
        if rsv.rsv1 and (self._is_control or opcode is Opcode.CONTINUATION):
            return CloseReason.PROTOCOL_ERROR
        if not self._is_control and opcode is not Opcode.CONTINUATION:
            self._inflates, self._room = rsv.rsv1, self.max_bytes
            if self._inflates and self._inflater is None:
                self._inflater = zlib.decompressobj(-self.client_max_window_bits)
        return RsvBits(True, False, False)

    def frame_inbound_payload_data(self, proto: FrameDecoder | FrameProtocol, data: bytes) -> bytes | CloseReason:
        """A piece of a message, inflated as far as the message's bound."""
        return data if self._is_control or not self._inflates else self._inflate(data)

    def frame_inbound_complete(self, proto: FrameDecoder | FrameProtocol, fin: bool) -> bytes | CloseReason | None:
        """The rest of a message at its last frame."""
        if not fin or self._is_control or not self._inflates:
            return None
        rest = self._inflate(TAIL)
        self._inflates = False
        if self.client_no_context_takeover:
            self._inflater = None
        return rest

    def _inflate(self, data: bytes) -> bytes | CloseReason:
        assert self._inflater is not None, "a compressed message without an inflater"
        try:
            inflated = self._inflater.decompress(data, self._room + 1)
        except zlib.error:
            return CloseReason.INVALID_FRAME_PAYLOAD_DATA
        self._room -= len(inflated)
        return inflated if self._room >= 0 else CloseReason.MESSAGE_TOO_BIG


__all__ = ["BoundedDeflate"]
