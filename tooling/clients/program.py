"""One way to run every client: flags, report, Ctrl+C, JSON, exit code. What a client itself does is its `talk`."""

import argparse
import datetime
import signal
import sys
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from time import monotonic

import trio
from attrs import define, field, frozen

from tooling.clients.data.personas import DEMO_PERSONA
from tooling.clients.failures import ClientError, Exit, Internal
from tooling.clients.options import Common, Environ, Flags, coloured, common, count, seconds
from tooling.clients.output.progress import Bar, progress
from tooling.clients.output.report import Block, Report, prepare_streams
from tooling.clients.session.connection import Connection, connected
from tooling.clients.session.exchange import Exchange, OnFrame, begin, complete, refusal
from tooling.clients.session.pacing import Pacing
from tooling.yap_client.wire import Incoming

SECRET = frozenset({"api_key"})
Interruption = Callable[[], Awaitable[None]]
ROOT = Path(__file__).parents[2]
LONGEST_TURN = 10  # waits for a frame; a server that drips for ever ends there


@frozen(kw_only=True)
class Call:
    """One run of a client: what was asked for, and where what it finds goes."""

    arguments: argparse.Namespace
    environ: Environ
    common: Common
    report: Report

    def connected(self) -> AbstractAsyncContextManager[Connection]:
        """A connection for the length of a block. Raises `NoConnection`."""
        shared, report = self.common, self.report
        return connected(shared.endpoint, report.client, shared.limits, note=report.warn, lenient=shared.lenient)

    @asynccontextmanager
    async def progress(self, total: int | None, *, for_s: float = 0.0) -> AsyncIterator[Bar]:
        """A bar on stderr for so many turns, for the length of a block; the report's lines go above it.

        `total` None: nobody knows how many, the run lasts `for_s` seconds.
        """
        async with progress(None if self.report.quiet else sys.stderr, total, for_s=for_s) as bar:
            self.report.bar = bar
            try:
                yield bar
            finally:
                self.report.bar = None

    def pacing(self, prefix: str = "") -> Pacing:
        """What keeps one connection below the server's limit of turns. `prefix`: of the two variables that say it."""
        limit = count(self.environ, f"{prefix}WS_MAX_MESSAGES_PER_WINDOW", 25)
        window_s = seconds(self.environ, f"{prefix}WS_MESSAGE_WINDOW_SECONDS", 60.0, zero=True)
        return Pacing(limit, window_s, self.report.note)

    async def turn(
        self,
        connection: Connection,
        kind: str,
        payload: Mapping[str, object],
        *,
        label: str,
        number: int = 0,
        limit_s: float | None = None,
        show: bool = True,
        on_frame: OnFrame | None = None,
        remarks: Callable[[Exchange], Sequence[str]] = lambda _turn: (),
    ) -> Exchange:
        """Send a turn and read it to its end; the report has it whatever becomes of it.

        `number`: the connection's, in the document. `limit_s`: for the whole turn. `show`: as a block of the report,
        begun when the ack is there, with `remarks` beneath the metrics. Raises the `ClientError` that keeps the turn
        from counting as passed.
        """
        if kind == "start" and connection.is_demo:
            self._advise()
        said = payload.get("user_utterance") or payload.get("analysis_text") or ""
        turn = await begin(connection, kind, payload, user=str(said), label=label)
        self.report.turn(turn, connection=number, session_id=connection.session_id)
        block = Block(self.report, turn, shown=show)

        def seen(frame: Incoming) -> None:
            if on_frame is not None:
                on_frame(frame)
            if turn.acked:
                block.begin()
            if frame.type == "error" and turn.outcome is None:  # about another frame, or the connection
                self.report.warn(str(refusal(frame.payload)))

        try:
            await complete(connection, turn, limit_s or LONGEST_TURN * connection.limits.receive_s, seen)
        except ClientError as error:
            error.where = error.where or label
            raise
        finally:
            block.end(remarks)
        return turn

    def _advise(self) -> None:
        """Where the server has a demo model and the usual persona is to be played."""
        if vars(self.arguments).get("personality", DEMO_PERSONA) != DEMO_PERSONA:
            advice = f"a demo model loses its way behind a long prompt: try --personality {DEMO_PERSONA}"
            self.report.note(advice, once=True)


@frozen(kw_only=True)
class Client:
    """A client as a program. `grammar`: its flags, with `add_output` among them. `talk`: does the work and returns what
    is said behind PASS; a `ClientError` it raises, or hands to `report.failed`, fails the run. A flag that was not
    given it may set to what holds instead, for the document.
    """

    name: str
    grammar: Callable[[Environ], Flags]
    talk: Callable[[Call], Awaitable[str]]


def add_output(made: argparse.ArgumentParser) -> None:
    """`--json` and `--quiet`."""
    made.add_argument("--json", action="store_true", help="one JSON document on stdout, the report on stderr")
    made.add_argument("--quiet", action="store_true", help="only the verdict")


def run(client: Client, argv: Sequence[str], environ: Environ) -> int:
    """Run in a loop of its own, which Ctrl+C ends; returns the exit code."""
    prepare_streams(as_json="--json" in argv)
    try:
        code: int = trio.run(_attended, client, argv, environ)
    except* KeyboardInterrupt:  # before anybody was listening, or after everything was told
        code = Exit.INTERRUPTED
    except* Exception as group:  # in what tells everything else
        for error in failures_in(group):
            print(f"✗ FAIL {error}", file=sys.stderr)
        code = Exit.FAILED
    return code


async def conduct(
    client: Client, argv: Sequence[str], environ: Environ, *, interruption: Interruption = trio.sleep_forever
) -> int:
    """Run in a loop that there is, and return the exit code; every failure is one line, never a traceback.

    `interruption` returns when somebody wants the run to end: what it has found by then is still told.
    """
    report = Report(client=client.name, as_json="--json" in argv, colours=coloured(environ))
    started, began, running = datetime.datetime.now(datetime.UTC), monotonic(), _Run(client, environ, report)
    helped = False
    try:
        await running.talk(argv, interruption)
    except* SystemExit:  # `--help` has said all there is to say
        helped = True
    except* Exception as group:
        for error in failures_in(group):
            report.failed(error, error.where or client.name, tell=False)
    if not helped:
        report.finish(running.passed, running.config, started, monotonic() - began)
    return report.code()


@define
class _Run:
    """What is known of a run when it ends, however that comes about."""

    client: Client
    environ: Environ
    report: Report
    config: dict[str, object] = field(factory=dict)
    passed: str = ""

    async def talk(self, argv: Sequence[str], interruption: Interruption) -> None:
        arguments = self.client.grammar(self.environ).read(argv)
        self.report.as_json, self.report.quiet = arguments.json, arguments.quiet
        self.config = _shown(arguments, server="")
        shared = common(arguments, self.environ)
        self.config["server"] = shared.endpoint.url
        call = Call(arguments=arguments, environ=self.environ, common=shared, report=self.report)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_ended_by, interruption, nursery.cancel_scope, self.report)
            try:
                self.passed = await self.client.talk(call)
            finally:  # a client may settle what depends on other flags
                self.config = _shown(arguments, server=shared.endpoint.url)
            nursery.cancel_scope.cancel()


def _shown(arguments: argparse.Namespace, server: str) -> dict[str, object]:
    """Every flag but secrets; the server's address as given may have a key in it."""
    return {name: value for name, value in vars(arguments).items() if name not in SECRET} | {"server": server}


async def _ended_by(interruption: Interruption, scope: trio.CancelScope, report: Report) -> None:
    await interruption()
    report.interrupted = True
    scope.cancel()


async def _attended(client: Client, argv: Sequence[str], environ: Environ) -> int:
    """Ctrl+C is heeded once, and heard to the end: a second one must not cut off the goodbye and the report."""
    pressed = trio.Event()
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_listen, signals, pressed)
            code = await conduct(client, argv, environ, interruption=pressed.wait)
            nursery.cancel_scope.cancel()
    return code


async def _listen(signals: AsyncIterator[int], pressed: trio.Event) -> None:
    async for _ in signals:
        pressed.set()


def failures_in(group: BaseExceptionGroup[Exception]) -> list[ClientError]:
    """Every failure in a group; what is none of ours becomes one that names its type and place."""
    found: list[ClientError] = []
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            found += failures_in(error)
        else:
            found.append(error if isinstance(error, ClientError) else Internal(f"internal: {_told(error)}"))
    return found


def _told(error: Exception) -> str:
    """Type and place: the innermost line of ours, or the innermost of all."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(ROOT / "tooling")]
    if not frames:
        return f"{type(error).__name__}, never raised"
    place = (ours or frames)[-1]
    file = Path(place.filename)
    name = file.relative_to(ROOT) if file.is_relative_to(ROOT) else file.name
    return f"{type(error).__name__} in {name}, line {place.lineno} ({place.name})"


__all__ = ["Call", "Client", "add_output", "conduct", "failures_in", "run"]
