"""`python -m tooling.benchmarks.bargein.watched STEP_MS TOKENS NOTE`: a server that notes when what reached whom.

Nothing of the server is replaced: the engine is watched through its own contract, the frames where the session's reader
gets them. NOTE: the file that holds the samples after the drain.
"""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import trio
from attrs import asdict, define, field

from actors.session.deployment import Deployment
from engines.base import Deliver, Delta, EngineInfo, GenerationRequest, Output, Progress
from runtime import assembly
from runtime.server import Server
from tooling.benchmarks.scripted.engine import StampingEngine, script
from tooling.benchmarks.scripted.server import Scripted
from tooling.benchmarks.serving.dummy_weights import start
from tooling.usage import answer_help


@define
class Samples:
    """A sample for each frame that stopped a turn. `told_ms`: from the read to the engine's abort. `tokens`: what the
    engine made of the turn since the read.
    """

    told_ms: list[float] = field(factory=list)
    tokens: list[int] = field(factory=list)


@define(eq=False)
class Watch:
    """Knows, by the session's number, which request runs, and since when a frame wants it stopped."""

    samples: Samples = field(factory=Samples)
    _running: dict[int, str] = field(factory=dict)
    _sessions: dict[str, int] = field(factory=dict)
    _read_at: dict[str, float] = field(factory=dict)
    _tokens: dict[str, int] = field(factory=dict)

    def read(self, session: int, frame: str | bytes) -> None:
        """The session's reader got a frame."""
        kind = json.loads(frame).get("type")
        request_id = self._running.get(session)
        if request_id is not None and kind in ("message", "cancel") and request_id not in self._read_at:
            self._read_at[request_id], self._tokens[request_id] = time.perf_counter(), 0

    def submitted(self, request: GenerationRequest) -> None:
        """A request reached the engine."""
        self._running[request.affinity], self._sessions[request.id] = request.id, request.affinity

    def aborted(self, request_id: str) -> None:
        """So did an abort."""
        if request_id in self._read_at:
            self.samples.told_ms.append((time.perf_counter() - self._read_at[request_id]) * 1000)

    def step(self, outputs: Sequence[tuple[str, Output]]) -> None:
        """A step of the engine."""
        for request_id, output in outputs:
            if isinstance(output, Delta):
                if request_id in self._tokens:
                    self._tokens[request_id] += 1
                continue
            session = self._sessions.pop(request_id)
            if self._running.get(session) == request_id:
                del self._running[session]
            if self._read_at.pop(request_id, None) is not None:
                self.samples.tokens.append(self._tokens.pop(request_id))


@define(eq=False)
class WatchedEngine(StampingEngine):
    """The engine, watched."""

    watch_by: Watch = field(factory=Watch, kw_only=True)

    async def open(self, deliver: Deliver, progress: Progress) -> EngineInfo:
        """As the engine contract says."""

        def seen(outputs: Sequence[tuple[str, Output]]) -> None:
            self.watch_by.step(outputs)
            deliver(outputs)

        return await super().open(seen, progress)

    def submit(self, request: GenerationRequest) -> None:
        """As the engine contract says."""
        self.watch_by.submitted(request)
        super().submit(request)

    def abort(self, request_id: str) -> None:
        """As the engine contract says."""
        self.watch_by.aborted(request_id)
        super().abort(request_id)


class WatchedSocket:
    """A connection's socket as it is; each frame is noted in the turn of the loop in which it was read."""

    def __init__(self, socket: Any, session: int, watch: Watch) -> None:
        self._socket, self._session, self._watch = socket, session, watch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    async def receive(self) -> str | bytes:
        """The next message."""
        frame: str | bytes = await self._socket.receive()
        self._watch.read(self._session, frame)
        return frame


@define(eq=False)
class WatchedServer(Scripted):
    """The process, and who watches."""

    watch: Watch = field(kw_only=True)

    async def _receive(self, server: Server, parts: assembly.Parts, site: Deployment, nursery: trio.Nursery) -> None:
        await super()._receive(server, parts, site, nursery)
        connect, numbers = server.connect, iter(range(sys.maxsize))
        assert connect is not None
        server.connect = lambda socket: connect(WatchedSocket(socket, next(numbers), self.watch))


def main(argv: Sequence[str]) -> int:
    """Serve; the samples are written at the end."""
    step_ms, tokens, note = argv
    said, watch = script(float(step_ms) / 1000, int(tokens)), Watch()

    def engine() -> WatchedEngine:
        return WatchedEngine(said, watch_by=watch)

    status = start("dummy", lambda found, around: WatchedServer(found, around, make=engine, watch=watch))
    Path(note).write_text(json.dumps(asdict(watch.samples)), encoding="ascii")
    return status


if __name__ == "__main__":
    answer_help(__doc__, sys.argv[1:])
    sys.exit(main(sys.argv[1:]))
