"""Calls over OpenAI's chat completions, streamed as server-sent events: history is the client's, a cancel hangs up."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from urllib.parse import urlsplit

import h11
import trio
from attrs import define, field

from tooling.clients.capacity.doors.line import Line, Reply
from tooling.clients.failures import NoConnection, UsageProblem

READ_BYTES = 65536
EVENT, DONE = b"data:", b"[DONE]"
MODELS, COMPLETIONS = "/models", "/chat/completions"
TIMEOUT_S = 10.0
BROKEN = (OSError, h11.RemoteProtocolError, trio.BrokenResourceError)
Stream = trio.SocketStream | trio.SSLStream[trio.SocketStream]


@define(eq=False)
class Wire:
    """A connection, and HTTP on it: one exchange after the other."""

    stream: Stream
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    _http: h11.Connection = field(factory=lambda: h11.Connection(h11.CLIENT), repr=False)

    async def exchange(self, method: str, path: str, body: bytes = b"") -> AsyncGenerator[bytes]:
        """Send a request and yield the answer's body as it comes. Raises `NoConnection` for any status but 200."""
        head = [*self.headers, ("Content-Length", str(len(body)))]
        request = self._http.send(h11.Request(method=method, target=path, headers=head)) or b""
        await self.stream.send_all(request + (self._http.send(h11.Data(data=body)) or b""))
        self._http.send(h11.EndOfMessage())
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                self._http.receive_data(bytes(await self.stream.receive_some(READ_BYTES)))
            elif isinstance(event, h11.Response) and event.status_code != 200:
                raise NoConnection(f"the server answered HTTP {event.status_code} to {path}")
            elif isinstance(event, h11.Data):
                yield bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                if self._http.their_state is h11.DONE:
                    self._http.start_next_cycle()
                return
            elif isinstance(event, h11.ConnectionClosed):
                raise NoConnection("the server closed the connection before its answer was whole")

    async def close(self) -> None:
        """Let it go, at once."""
        with trio.CancelScope(shield=True):
            await trio.aclose_forcefully(self.stream)


@define(eq=False)
class CompletionsLine:
    """One conversation. The connection is kept, and made anew after a reply that was cut off."""

    door: "Completions"
    nursery: trio.Nursery
    messages: list[dict[str, str]]
    _reply: Reply | None = None
    _scope: trio.CancelScope | None = None
    _kept: Wire | None = None

    async def say(self, text: str, heard: int | None) -> Reply:
        """Post everything that was said so far."""
        self._settle(heard)
        self.messages.append({"role": "user", "content": text})
        reply = self._reply = Reply(trio.current_time())
        scope = self._scope = trio.CancelScope()
        self.nursery.start_soon(self._stream, reply, scope, self.door.body(self.messages))
        return reply

    async def stop(self, heard: int) -> None:
        """Hang up on the reply, and keep of it what was heard."""
        self._settle(heard)

    def _settle(self, heard: int | None) -> None:
        """The last reply goes into the history, as far as it was heard."""
        reply, self._reply = self._reply, None
        if reply is None:
            return
        if not reply.over.is_set() and self._scope is not None:
            self._scope.cancel()
            reply.close(trio.current_time())
        self.messages.append({"role": "assistant", "content": reply.voice.text()[:heard].strip() or "..."})

    async def _stream(self, reply: Reply, scope: trio.CancelScope, body: bytes) -> None:
        kept, self._kept = self._kept, None
        with scope:
            # A server may have closed a connection that nobody used for a while, and say so only now.
            error = await self._over(kept, reply, body) if kept is not None else "not dialled"
            if error and not reply.voice.arrivals:
                try:
                    error = await self._over(await self.door.dial(), reply, body)
                except OSError as refused:
                    error = str(refused) or type(refused).__name__
            reply.close(trio.current_time(), error or None)

    async def _over(self, wire: Wire, reply: Reply, body: bytes) -> str:
        """Stream the reply over this connection; what went wrong, or nothing. Kept only if all was well."""
        whole = False
        try:
            async with aclosing(events(wire, self.door.path, body)) as texts:
                async for text in texts:
                    reply.hear(text, trio.current_time())
            whole = bool(reply.voice.arrivals)
        except (*BROKEN, NoConnection, ValueError) as error:  # the last: an event that is no JSON
            return str(error) or type(error).__name__
        finally:
            if whole:
                self._kept = wire
            else:
                await wire.close()
        return "" if whole else "the reply was empty"

    async def close(self) -> None:
        """Let the kept connection go."""
        if self._kept is not None:
            await self._kept.close()


@define(eq=False)
class Completions:
    """A server at `base`, such as `http://127.0.0.1:8001/v1`. `system`: the prompt; `model`: its name there;
    `extra`: sampling.
    """

    base: str
    model: str
    system: str = field(repr=False)
    key: str = field(default="", repr=False)
    extra: Mapping[str, object] = field(factory=dict)

    @property
    def url(self) -> str:
        """Its address."""
        return self.base

    @property
    def path(self) -> str:
        """Of the route."""
        return f"{urlsplit(self.base).path.rstrip('/')}{COMPLETIONS}"

    def body(self, messages: list[dict[str, str]]) -> bytes:
        """The request."""
        return json.dumps({"model": self.model, "messages": messages, "stream": True, **self.extra}).encode()

    async def dial(self) -> Wire:
        """A connection. Raises `OSError`."""
        parts = urlsplit(self.base)
        secure, host = parts.scheme == "https", parts.hostname or ""
        stream: Stream
        with trio.move_on_after(TIMEOUT_S) as scope:
            if secure:
                stream = await trio.open_ssl_over_tcp_stream(host, parts.port or 443, https_compatible=True)
            else:
                stream = await trio.open_tcp_stream(host, parts.port or 80)
        if scope.cancelled_caught:
            raise TimeoutError(f"no connection to {host} within {TIMEOUT_S:g} s")
        headers = [("Host", parts.netloc.rpartition("@")[2]), ("Content-Type", "application/json")]
        if self.key:
            headers.append(("Authorization", f"Bearer {self.key}"))
        return Wire(stream, tuple(headers))

    @asynccontextmanager
    async def call(self) -> AsyncIterator[Line]:
        """Begin a conversation; it dials with its first turn."""
        async with trio.open_nursery() as nursery:
            line = CompletionsLine(self, nursery, [{"role": "system", "content": self.system}])
            try:
                yield line
            finally:
                nursery.cancel_scope.cancel()
                with trio.CancelScope(shield=True):
                    await line.close()


async def events(wire: Wire, path: str, body: bytes) -> AsyncGenerator[str]:
    """The pieces of text of a streamed completion."""
    pending = b""
    async with aclosing(wire.exchange("POST", path, body)) as answer:
        async for data in answer:
            *lines, pending = (pending + data).split(b"\n")
            for text in map(_text, lines):
                if text:
                    yield text


async def only_model(door: Completions) -> str:
    """The name of the model that the server has, if it has one only. Raises `NoConnection`, `UsageProblem`."""
    path = f"{urlsplit(door.base).path.rstrip('/')}{MODELS}"
    try:
        wire = await door.dial()
        try:
            with trio.fail_after(TIMEOUT_S):
                async with aclosing(wire.exchange("GET", path)) as answer:
                    body = b"".join([data async for data in answer])
        finally:
            await wire.close()
        names = [str(one["id"]) for one in json.loads(body)["data"]]
    except (*BROKEN, trio.TooSlowError) as error:
        raise NoConnection(f"no connection to {door.base}: {error or type(error).__name__}") from None
    except (ValueError, KeyError, TypeError):
        raise NoConnection(f"{door.base}{MODELS} did not answer with a list of models: is this OpenAI's API?") from None
    if len(names) != 1:
        raise UsageProblem(f"{door.base} serves {', '.join(names) or 'no model'}: choose one with --openai-model")
    return names[0]


def _text(line: bytes) -> str:
    """The text in one line of the stream, if there is some."""
    if not line.startswith(EVENT):
        return ""
    data = line[len(EVENT) :].strip()
    if data == DONE:
        return ""
    choices = json.loads(data).get("choices") or [{}]
    return str((choices[0].get("delta") or {}).get("content") or "")


__all__ = ["Completions", "only_model"]
