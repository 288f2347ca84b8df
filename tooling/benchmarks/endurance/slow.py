"""A caller who takes the reply slowly: a small receive buffer, read a little at a time."""

import random
import socket

import trio

from tooling.benchmarks.bystander.frames import TEXT, message, received, start, upgrade

WINDOW_BYTES = 2048
TAKES_BYTES = 512
PAUSE_S = (0.02, 0.4)
PATIENCE_S = 90.0
HEAD_BYTES = 8192
ENDS = (b'{"type":"done"', b'{"type":"cancelled"', b'{"type":"error"')


class Hung(Exception):
    """The reply did not end."""


async def listen_slowly(port: int, key: str, text: str, chance: random.Random) -> bool:
    """One turn, read in small pieces with pauses between them; whether it was done. Raises `Hung`, `OSError`."""
    with trio.move_on_after(PATIENCE_S) as scope, trio.socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW_BYTES)
        await line.connect(("127.0.0.1", port))
        stream = trio.SocketStream(line)
        await stream.send_all(upgrade(key))
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            part = await stream.receive_some(1)
            if not part or len(head) > HEAD_BYTES:
                raise ConnectionError("the handshake failed")
            head += part
        if not head.startswith(b"HTTP/1.1 101 "):
            raise ConnectionError(f"no WebSocket: {head[:40]!r}")
        await stream.send_all(message("start", "slow", start(text)))
        end = await _end(stream, chance)
        await stream.send_all(message("end", "bye", {}))
        return end == ENDS[0]
    if scope.cancelled_caught:
        raise Hung(f"a slow reader's turn did not end within {PATIENCE_S:g} s")
    return False


async def _end(stream: trio.SocketStream, chance: random.Random) -> bytes:
    buffer = bytearray()
    while True:
        part = await stream.receive_some(TAKES_BYTES)
        if not part:
            raise ConnectionError("the server hung up on a slow reader")
        buffer += part
        for opcode, payload in received(buffer):
            for end in ENDS:
                if opcode == TEXT and bytes(payload).startswith(end):
                    return end
        await trio.sleep(chance.uniform(*PAUSE_S))


__all__ = ["Hung", "listen_slowly"]
