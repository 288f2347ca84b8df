"""What the header of each frame is checked for, before a byte of its payload is read."""

from collections.abc import Callable
from typing import NamedTuple

import trio
from wsproto.extensions import Extension
from wsproto.frame_protocol import CloseReason, FrameDecoder, FrameProtocol, Opcode, RsvBits

MAX_FRAGMENTS = 65_537
"""Of one message. The longest case of Autobahn's fuzzing client, 9.3.1, is 65,536 fragments and an empty last one."""
MAX_CONTROL_FRAMES = 10_000
CONTROL_WINDOW_S = 60.0


class Tally(NamedTuple):
    """Payload bytes and fragments of the message under way; control frames since a time."""

    size: int
    fragments: int
    controls: int
    since: float


class Guard(Extension):
    """Counts frames, in the place where wsproto asks its extensions about each one; it is never negotiated.

    `max_bytes`: payload of one message. `why`: what was wrong, in words, once a frame was refused.
    """

    name = "guard"

    def __init__(self, max_bytes: int, clock: Callable[[], float] = trio.current_time) -> None:
        self.max_bytes = max_bytes
        self.clock = clock
        self.why = ""
        self._tally = Tally(0, 0, 0, clock())
        # With the frame whose header was read last; kept apart, because wsproto asks again when a header is cut.
        self._with_this = self._tally

    def enabled(self) -> bool:
        """Always, without being offered."""
        return True

    def offer(self) -> bool:
        """Never offered to a server."""
        return False

    def frame_inbound_header(
        self, proto: FrameDecoder | FrameProtocol, opcode: Opcode, rsv: RsvBits, payload_length: int
    ) -> CloseReason | RsvBits:
        """No bits of its own; a close reason for a frame that is one too many or too large."""
        self._with_this = self._counted(opcode, payload_length)
        return self._refusal(self._with_this) or RsvBits(False, False, False)

    def frame_inbound_complete(self, proto: FrameDecoder | FrameProtocol, fin: bool) -> None:
        """The frame is here: it counts."""
        self._tally = self._with_this

    def _counted(self, opcode: Opcode, payload_length: int) -> Tally:
        size, fragments, controls, since = self._tally
        if opcode is Opcode.CONTINUATION:
            return Tally(size + payload_length, fragments + 1, controls, since)
        if not opcode.iscontrol():
            return Tally(payload_length, 1, controls, since)
        now = self.clock()
        if now - since >= CONTROL_WINDOW_S:
            controls, since = 0, now
        return Tally(size, fragments, controls + 1, since)

    def _refusal(self, tally: Tally) -> CloseReason | None:
        if tally.controls > MAX_CONTROL_FRAMES:
            self.why = f"more than {MAX_CONTROL_FRAMES} control frames in {CONTROL_WINDOW_S:g} s"
            return CloseReason.POLICY_VIOLATION
        if tally.size > self.max_bytes:
            self.why = f"message of {tally.size} bytes or more, at most {self.max_bytes}"
        elif tally.fragments > MAX_FRAGMENTS:
            self.why = f"message of more than {MAX_FRAGMENTS} fragments"
        else:
            return None
        return CloseReason.MESSAGE_TOO_BIG


__all__ = ["CONTROL_WINDOW_S", "MAX_CONTROL_FRAMES", "MAX_FRAGMENTS", "Guard"]
