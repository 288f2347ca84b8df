"""Compressed frames that a server must not take, and the close codes that RFC 6455 and RFC 7692 name for each."""

import zlib

from tooling.benchmarks.bystander.frames import CONTINUATION, PING, TEXT, frame

HUGE = 3_000_000
"""Bytes, more than any message may have."""
FINALS = 20
"""More final blocks than anybody who compresses needs in one message."""


def _deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return (packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\x00\x00\xff\xff")


def _final() -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(b"x") + packer.flush()


def _packed(data: bytes, opcode: int = TEXT, *, fin: bool = True) -> bytes:
    return frame(data, opcode, fin=fin, compressed=True)


_BOMB = _deflated(b"x" * HUGE)

BOMBS: tuple[tuple[str, bytes, int], ...] = (
    ("data that does not inflate", _packed(b"\xff" * 8), 1007),
    ("a bomb", _packed(_BOMB), 1009),
    ("a bomb in pieces", _packed(_BOMB[:900], fin=False) + frame(_BOMB[900:], CONTINUATION), 1009),
    ("a compressed ping", _packed(b"x", PING), 1002),
    ("a compressed continuation", _packed(_deflated(b"x"), fin=False) + _packed(b"y", CONTINUATION), 1002),
    ("compressed text that is no UTF-8", _packed(_deflated(b"\xff\xfe")), 1007),
    ("more final blocks than make sense", _packed(_final() * FINALS), 1007),
)
"""What it is, its bytes, and the code where compression was agreed on; elsewhere it is always 1002."""

__all__ = ["BOMBS"]
