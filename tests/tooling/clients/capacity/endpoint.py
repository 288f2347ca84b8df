"""A server of chat completions that says what the test wants: SSE over HTTP by hand, one thing wrong at a time."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import h11
import trio
from attrs import define, field

WORDS = ("Well, ", "it ", "rained. ", "Did ", "you ", "sleep?")


@define
class Endpoint:
    """`fault`: what goes wrong with a completion. `asked`: the bodies that came. `dials`: connections so far."""

    port: int = 0
    fault: str = ""
    models: tuple[str, ...] = ("the-model",)
    asked: list[dict[str, object]] = field(factory=list)
    dials: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def serve(self, stream: trio.SocketStream) -> None:
        self.dials += 1
        http = h11.Connection(h11.SERVER)
        async with stream:
            try:
                while await self._answer(http, stream) and http.our_state is h11.DONE:
                    http.start_next_cycle()
            except (trio.BrokenResourceError, trio.ClosedResourceError, h11.RemoteProtocolError):
                return  # the caller hung up

    async def _answer(self, http: h11.Connection, stream: trio.SocketStream) -> bool:
        """One exchange; whether the connection is kept."""
        path, body = "", b""
        while not isinstance(event := http.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                data = await stream.receive_some()
                http.receive_data(data)
            elif isinstance(event, h11.Request):
                path = event.target.decode()
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            else:
                return False
        if path == "/v1/models":
            listed = json.dumps({"data": [{"id": name} for name in self.models]})
            await self._send(http, stream, 200, listed if self.fault != "no models" else "<html>")
            return True
        self.asked.append(json.loads(body))
        if self.fault == "refused":
            await self._send(http, stream, 500, "boom")
            return True
        return await self._stream(http, stream)

    async def _stream(self, http: h11.Connection, stream: trio.SocketStream) -> bool:
        head = h11.Response(status_code=200, headers=[("Content-Type", "text/event-stream")])
        await stream.send_all(http.send(head) or b"")
        for number, word in enumerate(() if self.fault == "empty" else WORDS):
            if self.fault == "cut" and number == 2:
                return False
            event = {"choices": [{"delta": {"content": word}}]}
            line = "data: {" if self.fault == "garbage" else f"data: {json.dumps(event)}"
            data = http.send(h11.Data(data=f": a comment\n\n{line}\n\n".encode())) or b""
            for at in range(0, len(data), 7 if self.fault == "crumbs" else len(data)):
                await stream.send_all(data[at : at + (7 if self.fault == "crumbs" else len(data))])
        data = http.send(h11.Data(data=b"data: [DONE]\n\n")) or b""
        await stream.send_all(data + (http.send(h11.EndOfMessage()) or b""))
        return self.fault != "not kept"

    @staticmethod
    async def _send(http: h11.Connection, stream: trio.SocketStream, status: int, text: str) -> None:
        head = http.send(h11.Response(status_code=status, headers=[("Content-Length", str(len(text)))])) or b""
        body = http.send(h11.Data(data=text.encode())) or b""
        await stream.send_all(head + body + (http.send(h11.EndOfMessage()) or b""))


@asynccontextmanager
async def serving(**how: object) -> AsyncIterator[Endpoint]:
    """Such a server, on the loopback interface."""
    endpoint = Endpoint(**how)  # type: ignore[arg-type]
    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        endpoint.port = listener.socket.getsockname()[1]
        nursery.start_soon(trio.serve_listeners, endpoint.serve, [listener])
        yield endpoint
        nursery.cancel_scope.cancel()


__all__ = ["WORDS", "Endpoint", "serving"]
