"""What attackers send: bytes of every shape that was found to cost a server more than it costs to send."""

import zlib

from tooling.benchmarks.bystander.frames import CONTINUATION, PING, PONG, TEXT, frame, message, start

SEGMENT = 65536
"""Bytes that one read of the server takes in at most."""
HISTORY_CHARACTERS = 200_000
HISTORY_MESSAGES = 500
MOJIBAKE = "â€œItâ€™s â€” Ã©tÃ©, naÃ¯ve cafÃ© Ã¼ber â€¦ ðŸ˜€â€\x9d "
CHINESE = "今天的天气真好我们去河边散步吧然后再回家喝一杯热茶"


def filled(unit: bytes, size: int = SEGMENT) -> bytes:
    """As many whole repetitions as fit."""
    return unit * (size // len(unit))


EMPTY_FRAGMENTS = filled(frame(b"", CONTINUATION, fin=False))
ONE_BYTE_FRAGMENTS = filled(frame(b" ", CONTINUATION, fin=False))
FIRST_FRAGMENT = frame(b"", TEXT, fin=False)
LAST_FRAGMENT = frame(b"", CONTINUATION)
PINGS = filled(frame(b"", PING))
PONGS = filled(frame(b"", PONG))
JSON_PINGS = filled(message("ping", "p", {}))
NONSENSE = filled(frame(b"x"))
EMPTY_MESSAGES = filled(frame(b""))


def listed(unit: str, size: int) -> bytes:
    """A ping whose payload holds a list of as many units as make up `size` bytes."""
    head, tail = '{"type":"ping","session_id":"s","request_id":"r","payload":{"a":[', "]}}"
    text = ",".join([unit] * ((size - len(head) - len(tail)) // (len(unit) + 1)))
    return frame((head + text + tail).encode())


def nested(opening: str, closing: str, size: int) -> bytes:
    """JSON as deep as `size` bytes allow."""
    depth = size // (len(opening) + len(closing))
    return frame((opening * depth + closing * depth).encode())


def long_start(size: int) -> bytes:
    """A start whose utterance is one string of `size` bytes."""
    return message("start", "r", start("a" * size))


def history(
    text: str, *, characters: int = HISTORY_CHARACTERS, messages: int = HISTORY_MESSAGES, ascii_only: bool = False
) -> bytes:
    """A first start with a history of so many characters, made of `text`; as long as is allowed by default."""
    size = characters // messages
    content = (text * (size // len(text) + 1))[:size]
    turns = [{"role": ("user", "assistant")[number % 2], "content": content} for number in range(messages)]
    return message("start", "r", start(history=turns), ascii_only=ascii_only)


def mojibake(characters: int = 4000) -> str:
    """Text that was decoded wrongly twice, which a repairer has to think about; short enough to be read inline."""
    return (MOJIBAKE * (characters // len(MOJIBAKE) + 1))[:characters]


def bomb(size: int) -> bytes:
    """One compressed message that inflates to `size` bytes (RFC 7692), 1000 times its own."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = deflate.compress(b" " * size) + deflate.flush(zlib.Z_SYNC_FLUSH)
    return frame(data[:-4], compressed=True)


def bomb_of_fragments(size: int) -> bytes:
    """The same in fragments of a hundred bytes, none of which looks large."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = (deflate.compress(b" " * size) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]
    parts = [data[at : at + 100] for at in range(0, len(data), 100)]
    return b"".join(
        frame(part, TEXT if not number else CONTINUATION, fin=number == len(parts) - 1, compressed=not number)
        for number, part in enumerate(parts)
    )


def head(size: int, value: int) -> bytes:
    """The head of a request of `size` bytes, in header lines whose values have `value` bytes."""
    line = b"X-Padding: " + b"a" * value + b"\r\n"
    return b"GET /healthz HTTP/1.1\r\nHost: a\r\n" + filled(line, max(size, len(line))) + b"\r\n"


def played(turn: str, number: int) -> bytes:
    """A message that says what was heard of an earlier turn: as much as there is, in absurd figures."""
    payload = {"user_utterance": "go on", "played": {"request_id": turn, "chars": 10**15}}
    return message("message", f"m-{number}", payload)


def oversized() -> bytes:
    """The beginning of a frame that says it is far too large."""
    return bytes((0x81, 0xFF)) + (1 << 32).to_bytes(8, "big") + b"\0\0\0\0" + b"a" * 4096


__all__ = [
    "CHINESE",
    "EMPTY_FRAGMENTS",
    "EMPTY_MESSAGES",
    "FIRST_FRAGMENT",
    "JSON_PINGS",
    "LAST_FRAGMENT",
    "NONSENSE",
    "ONE_BYTE_FRAGMENTS",
    "PINGS",
    "PONGS",
    "SEGMENT",
    "bomb",
    "bomb_of_fragments",
    "filled",
    "head",
    "history",
    "listed",
    "long_start",
    "mojibake",
    "nested",
    "oversized",
    "played",
]
