"""WebSocket bytes made and read by hand (RFC 6455), so that a client can say what no library lets it say."""

import json
import sys
from collections.abc import Iterator, Sequence

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
MASK_KEY = b"\x00\x00\x00\x00"
"""A legal masking key that leaves the bytes as they are: an attack costs the attacker little."""


def upgrade(key: str | None, extra: Sequence[tuple[str, str]] = (), path: str = "/ws") -> bytes:
    """The head of a request for a WebSocket; `key` goes into X-API-Key."""
    fields = [
        ("Host", "127.0.0.1"),
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        *([("X-API-Key", key)] if key is not None else []),
        *extra,
    ]
    return (f"GET {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields) + "\r\n").encode()


def frame(payload: bytes = b"", opcode: int = TEXT, *, fin: bool = True, compressed: bool = False) -> bytes:
    """One client frame."""
    first = (0x80 if fin else 0) | (0x40 if compressed else 0) | opcode
    size = len(payload)
    if size < 126:
        length = bytes((0x80 | size,))
    elif size < 65536:
        length = bytes((0x80 | 126,)) + size.to_bytes(2, "big")
    else:
        length = bytes((0x80 | 127,)) + size.to_bytes(8, "big")
    return bytes((first,)) + length + MASK_KEY + payload


def message(kind: str, request_id: str, payload: object, *, ascii_only: bool = False) -> bytes:
    """One frame of the protocol as a WebSocket text frame."""
    envelope = {"type": kind, "session_id": "s", "request_id": request_id, "payload": payload}
    return frame(json.dumps(envelope, ensure_ascii=ascii_only, separators=(",", ":")).encode())


def start(text: str = "hello there", **more: object) -> dict[str, object]:
    """The payload of a first `start`; raw text, so that every token of the engine makes a frame."""
    sampling = {"sanitize_output": False}
    return {"chat_prompt": "Be kind and brief.", "user_utterance": text, "sampling": sampling, **more}


def received(buffer: bytearray, most: int = sys.maxsize) -> Iterator[tuple[int, bytes]]:
    """Take complete server frames off the front of `buffer`, so many at most: opcode and payload of each."""
    for _ in range(most):
        if len(buffer) < 2:
            return
        size, at = buffer[1] & 0x7F, 2
        if size >= 126:
            at = 4 if size == 126 else 10
            size = int.from_bytes(buffer[2:at], "big")
        if len(buffer) < at + size:
            return
        opcode, payload = buffer[0] & 0x0F, bytes(buffer[at : at + size])
        del buffer[: at + size]
        yield opcode, payload


__all__ = [
    "BINARY",
    "CLOSE",
    "CONTINUATION",
    "PING",
    "PONG",
    "TEXT",
    "frame",
    "message",
    "received",
    "start",
    "upgrade",
]
