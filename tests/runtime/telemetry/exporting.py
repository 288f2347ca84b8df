"""An outlet in a test: what it is told, and how it runs."""

import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer

import trio
from structlog.typing import EventDict

from runtime.settings import Settings
from runtime.telemetry.books import Books, Snapshot
from runtime.telemetry.otlp import open_otlp
from runtime.telemetry.otlp.outlet import Otlp
from runtime.telemetry.outlet import Outlet
from runtime.telemetry.recorder import Recorder
from tests.runtime.telemetry.stories import MODEL, STORY

LEAST = {"TEXT_API_KEY": "k", "MAX_CONCURRENT_CONNECTIONS": "8", "CHAT_MODEL": "owner/name"}
SOON_S = 0.05
TOKEN = "xaat-hush"
SPANS = 12


def settings(environ: Mapping[str, str]) -> Settings:
    return Settings.from_env({**LEAST, **environ})


def outlet(environ: Mapping[str, str]) -> Otlp:
    made = open_otlp(settings(environ), MODEL, 10**18)
    checked: Outlet = made
    assert checked is made
    return made


def hasty(environ: Mapping[str, str]) -> Otlp:
    """One that does not let a test wait for the second that is the least interval."""
    made = outlet(environ)
    made.traces.every_s = made.metrics.every_s = SOON_S
    return made


def books() -> Books:
    kept = Books(10**18)
    recorder = Recorder(kept, MODEL)
    for happening in STORY:
        recorder.report(happening)
    return kept


def tell(to: Otlp) -> None:
    for happening in STORY:
        to.report(happening)


@asynccontextmanager
async def running(to: Otlp, kept: Books | None = None) -> AsyncIterator[None]:
    """The outlet runs; afterwards it is closed as the process does it."""
    held = kept or books()

    async def look() -> Snapshot:
        return held.snapshot()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(to.run, look)
        await trio.testing.wait_all_tasks_blocked()
        try:
            yield
        finally:
            nursery.cancel_scope.cancel()
    await to.close(1.0)


async def until(done: Callable[[], object]) -> None:
    """Wait for real threads and sockets."""
    with trio.fail_after(20):
        while not done():
            await trio.sleep(0.01)


def warnings(lines: list[EventDict]) -> list[EventDict]:
    return [line for line in lines if line["log_level"] in ("warning", "error")]


@contextmanager
def dripping() -> Iterator[int]:
    """A receiver that answers a byte at a time, so that no wait for it is a long one."""
    over = threading.Event()

    def drip() -> None:
        taken = []
        while not over.wait(0.02):
            with suppress(TimeoutError):
                taken.append(server.accept()[0])
            for each in taken:
                with suppress(ConnectionError):  # a client that gave up
                    each.sendall(b"H")
        for each in taken:
            each.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.02)
        thread = threading.Thread(target=drip)
        thread.start()
        try:
            yield int(server.getsockname()[1])
        finally:
            over.set()
            thread.join()


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield int(server.server_address[1])
        finally:
            server.shutdown()
            thread.join()


__all__ = ["SPANS", "TOKEN", "books", "dripping", "hasty", "outlet", "running", "serving", "tell", "until", "warnings"]
