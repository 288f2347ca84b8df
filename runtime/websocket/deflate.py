"""permessage-deflate (RFC 7692) that never inflates more than a message may have."""

import zlib

from wsproto.extensions import PerMessageDeflate
from wsproto.frame_protocol import CloseReason, FrameDecoder, FrameProtocol, Opcode, RsvBits

WINDOW_BYTES = 32768
MAX_ENDS = 16
"""Final blocks within one message; RFC 7692, section 7.2.3.4 allows them, and who compresses needs one at most."""
PARAMETERS = frozenset(
    {"client_no_context_takeover", "server_no_context_takeover", "client_max_window_bits", "server_max_window_bits"}
)
TAIL = b"\x00\x00\xff\xff"
"""What a sender leaves out at the end of a message (RFC 7692, section 7.2.1)."""


class BoundedDeflate(PerMessageDeflate):
    """wsproto's extension with an inbound half of our own.

    Its own inflates without a bound, forgets that a message is compressed when a control frame comes between two of
    its fragments, and is deaf behind a final block. `max_bytes`: inflated bytes of one message.
    """

    def __init__(self, max_bytes: int) -> None:
        super().__init__()
        self.max_bytes = max_bytes
        self._room = max_bytes
        self._inflater: zlib._Decompress | None = None
        self._window = b""
        self._ends = 0
        self._inflates = False
        self._is_control = False

    def accept(self, offer: str) -> bool | str | None:
        """The parameters agreed on, or None for an offer that cannot be met or read (RFC 7692, section 7.1)."""
        names = [parameter.partition("=")[0].strip() for parameter in offer.split(";")[1:]]
        if len(set(names)) < len(names) or not PARAMETERS.issuperset(names):
            return None
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
            self._inflates, self._room, self._ends = rsv.rsv1, self.max_bytes, 0
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
            self._inflater, self._window = None, b""
        return rest

    def _inflate(self, data: bytes) -> bytes | CloseReason:
        inflated = b""
        while data:
            if self._inflater is None:  # the first message, or what follows a final block, which keeps the window
                self._inflater = zlib.decompressobj(-self.client_max_window_bits, zdict=self._window)
            try:
                piece = self._inflater.decompress(data, self._room + 1)
            except zlib.error:
                return CloseReason.INVALID_FRAME_PAYLOAD_DATA
            self._room -= len(piece)
            if self._room < 0:
                return CloseReason.MESSAGE_TOO_BIG
            inflated += piece
            self._window = (self._window + piece)[-WINDOW_BYTES:]
            data = b""
            if self._inflater.eof:
                # It would keep all that comes behind, and inflate none of it.
                data, self._inflater, self._ends = self._inflater.unused_data, None, self._ends + 1
                if self._ends > MAX_ENDS:
                    return CloseReason.INVALID_FRAME_PAYLOAD_DATA
        return inflated


__all__ = ["BoundedDeflate"]
