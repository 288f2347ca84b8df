"""`python -m tooling.benchmarks.fanout.uvicorn_rival PORT STEP_MS WAY`: FastAPI on uvicorn and uvloop, the same frames.

The rival, with nothing beside the sending: no sanitizer, no bounds, no turns. WAY `tasks`, as its users write it: each
client's task waits for its own queue of tokens, so that a slow client keeps only itself waiting. WAY `loop`: one loop
sends to one client after the other, which is the least that uvicorn can do, and which any slow client stops for all.
"""

import asyncio  # noqa: TID251 - the rival is an asyncio program
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress

import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

from tooling.benchmarks.fanout.token_frames import frame, head
from tooling.benchmarks.scripted.stamps import stamp
from tooling.usage import answer_help

Send = Callable[[str], Awaitable[None]]


def application(step_s: float, *, tasks: bool) -> FastAPI:
    """A token a step to everybody who has sent a start."""
    sends: dict[WebSocket, Send] = {}

    async def steps() -> None:
        while True:
            await asyncio.sleep(step_s)
            token = stamp()
            for socket, send in list(sends.items()):
                try:
                    await send(token)
                except (WebSocketDisconnect, RuntimeError):
                    sends.pop(socket, None)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        stepping = asyncio.create_task(steps())
        yield
        stepping.cancel()

    app = FastAPI(lifespan=lifespan)

    @app.websocket("/ws")
    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        with suppress(WebSocketDisconnect, RuntimeError):
            begins = head(await socket.receive_text())

            async def send(token: str) -> None:
                await socket.send_text(frame(begins, token))

            if tasks:
                queue: asyncio.Queue[str] = asyncio.Queue()
                sends[socket] = queue.put
                while True:
                    await send(await queue.get())
            sends[socket] = send
            await socket.receive_text()
        sends.pop(socket, None)

    return app


def main(argv: Sequence[str]) -> int:
    """Serve."""
    port, step_ms, way = argv
    uvicorn.run(
        application(float(step_ms) / 1000, tasks=way == "tasks"),
        host="127.0.0.1",
        port=int(port),
        loop="uvloop",
        log_level="warning",
        timeout_graceful_shutdown=1,
    )
    return 0


if __name__ == "__main__":
    answer_help(__doc__, sys.argv[1:])
    sys.exit(main(sys.argv[1:]))
