"""Frames that RFC 6455 forbids, and the close codes that it names for each."""

from tooling.benchmarks.bystander.frames import CLOSE, CONTINUATION, PING, frame

UNMASKED = b"\x81\x02hi"
RESERVED = bytes((0x80 | 0x40 | 0x1,)) + frame(b"hi")[1:]
TOO_LARGE = b"\x81\xff" + (3_000_000).to_bytes(8, "big") + b"\x00\x00\x00\x00"

VIOLATIONS: tuple[tuple[str, bytes, int], ...] = (
    ("an unmasked frame", UNMASKED, 1002),
    ("reserved bits", RESERVED, 1002),
    ("an unknown opcode", frame(b"x", 0x3), 1002),
    ("a ping in fragments", frame(b"x", PING, fin=False), 1002),
    ("a ping too long", frame(b"x" * 126, PING), 1002),
    ("a continuation of nothing", frame(b"x", CONTINUATION), 1002),
    ("a text within a text", frame(b"x", fin=False) + frame(b"y"), 1002),
    ("text that is no UTF-8", frame(b"\xff\xfe"), 1007),
    ("a close code that is none", frame((1005).to_bytes(2, "big"), CLOSE), 1002),
    ("a close frame of one byte", frame(b"x", CLOSE), 1002),
    ("a message too large", TOO_LARGE, 1009),
)
"""What it is, its bytes, and the code; bits that compression takes are 1007 where that was agreed on."""

__all__ = ["RESERVED", "VIOLATIONS"]
