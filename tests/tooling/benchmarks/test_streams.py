"""The load generator's own WebSocket and event stream, against the bytes that servers send."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio
import trio.testing

from tooling.benchmarks.serving.streams import Broken, connected, events, websocket

HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"


@asynccontextmanager
async def answering(*answers: Sequence[bytes]) -> AsyncIterator[int]:
    """The port of a server that answers each request of a connection with these pieces."""

    async def serve(stream: trio.SocketStream) -> None:
        for pieces in answers:
            await stream.receive_some(65536)
            for piece in pieces:
                await stream.send_all(piece)
                await trio.testing.wait_all_tasks_blocked()

    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
        yield listener.socket.getsockname()[1]
        nursery.cancel_scope.cancel()


def chunk(event: bytes) -> bytes:
    return f"{len(event):x}\r\n".encode() + event + b"\r\n"


async def test_events_come_whole_however_the_bytes_were_cut_and_the_connection_serves_again() -> None:
    body = HEAD + chunk(b'data: {"n":1}\n\n') + chunk(b'data: {"n":2}\n\ndata: {"n":3}\n\n')
    body += chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"
    with trio.fail_after(10):
        for size in (1, 7, len(body)):
            pieces = [body[at : at + size] for at in range(0, len(body), size)]
            async with answering(pieces, pieces) as port, connected(port) as wire:
                for _ in range(2):
                    assert [event["n"] async for event in events(wire, "/v1", {})] == [1, 2, 3]


async def test_a_refusal_and_an_early_end_are_said() -> None:
    with trio.fail_after(10):
        async with answering([b"HTTP/1.1 500 Oops\r\n\r\nno"]) as port, connected(port) as wire:
            with pytest.raises(Broken, match="500"):
                await anext(events(wire, "/v1", {}))
        async with answering([HEAD + b"data: {"]) as port, connected(port) as wire:
            with pytest.raises(Broken, match="ended"):
                await anext(events(wire, "/v1", {}))


async def test_messages_of_a_websocket_come_in_order() -> None:
    frames = b"".join(bytes((0x81, 7)) + b'{"n":%d}' % number for number in range(3))
    with trio.fail_after(10):
        async with answering([UPGRADED + frames[:12], frames[12:]]) as port, websocket(port, "key") as socket:
            assert [(await socket.receive())["n"] for _ in range(3)] == [0, 1, 2]
