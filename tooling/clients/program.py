"""One way to run every client: flags, report, Ctrl+C, JSON, exit code. What a client itself does is its `talk`."""

import argparse
import datetime
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from time import monotonic

import trio
from attrs import frozen

from tooling.clients.failures import ClientError, Exit, UsageProblem
from tooling.clients.options import Common, Environ, common
from tooling.clients.output.report import Report

SECRET = frozenset({"api_key"})
Interruption = Callable[[], Awaitable[None]]


@frozen(kw_only=True)
class Call:
    """One run of a client: what was asked for, and where what it finds goes."""

    arguments: argparse.Namespace
    environ: Environ
    common: Common
    report: Report


@frozen(kw_only=True)
class Client:
    """A client as a program. `grammar`: its flags, with `add_output` among them. `talk`: does the work and returns what
    is said behind PASS; a `ClientError` it raises, or hands to `report.failed`, fails the run.
    """

    name: str
    grammar: Callable[[Environ], argparse.ArgumentParser]
    talk: Callable[[Call], Awaitable[str]]


def add_output(made: argparse.ArgumentParser) -> None:
    """`--json` and `--quiet`."""
    made.add_argument("--json", action="store_true", help="one JSON document on stdout, the report on stderr")
    made.add_argument("--quiet", action="store_true", help="only the verdict")


def run(client: Client, argv: Sequence[str], environ: Environ) -> int:
    """Run in a loop of its own, which Ctrl+C ends; returns the exit code."""
    try:
        return trio.run(_attended, client, argv, environ)
    except KeyboardInterrupt:  # before anybody was listening, or after everything was told
        return Exit.INTERRUPTED


async def conduct(
    client: Client, argv: Sequence[str], environ: Environ, *, interruption: Interruption = trio.sleep_forever
) -> int:
    """Run in a loop that there is, and return the exit code; every failure is a line on stderr, never a traceback.

    `interruption` returns when somebody wants the run to end: what it has found by then is still told.
    """
    try:
        arguments = client.grammar(environ).parse_args(argv)
    except SystemExit as leaving:  # argparse has said what it had to say
        return int(leaving.code or 0)
    report = Report(
        client=client.name, as_json=arguments.json, quiet=arguments.quiet, colours="NO_COLOR" not in environ
    )
    config: dict[str, object] = {name: value for name, value in vars(arguments).items() if name not in SECRET}
    config["server"] = ""  # as given it may have the key in it
    started = datetime.datetime.now(datetime.UTC)
    began, passed = monotonic(), ""
    try:
        shared = common(arguments, environ)
        config["server"] = shared.endpoint.url
        call = Call(arguments=arguments, environ=environ, common=shared, report=report)
        passed = await _watched(client, call, interruption)
    except UsageProblem as problem:
        report.failed(problem, client.name)
    report.finish(report.verdict(passed), config, started, monotonic() - began)
    return report.code()


async def _watched(client: Client, call: Call, interruption: Interruption) -> str:
    passed = ""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_ended_by, interruption, nursery.cancel_scope, call.report)
        try:
            passed = await client.talk(call)
        except ClientError as error:
            call.report.failed(error, client.name)
        nursery.cancel_scope.cancel()
    return passed


async def _ended_by(interruption: Interruption, scope: trio.CancelScope, report: Report) -> None:
    await interruption()
    report.interrupted = True
    scope.cancel()


async def _attended(client: Client, argv: Sequence[str], environ: Environ) -> int:
    """Ctrl+C is heeded once, and heard to the end: a second one must not cut off the goodbye and the report."""
    pressed = trio.Event()
    with trio.open_signal_receiver(signal.SIGINT) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_listen, signals, pressed)
            code = await conduct(client, argv, environ, interruption=pressed.wait)
            nursery.cancel_scope.cancel()
    return code


async def _listen(signals: AsyncIterator[int], pressed: trio.Event) -> None:
    async for _ in signals:
        pressed.set()


__all__ = ["Call", "Client", "add_output", "conduct", "run"]
