"""One way to run every client: flags, report, Ctrl+C, JSON, exit code. What a client itself does is its `talk`."""

import argparse
import datetime
import signal
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic

import trio
from attrs import frozen

from tooling.clients.failures import ClientError, UsageProblem
from tooling.clients.options import Common, Environ, common
from tooling.clients.output.report import Report

SECRET = frozenset({"api_key"})


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
    """Run and return the exit code; every failure is a line on stderr, never a traceback."""
    arguments = client.grammar(environ).parse_args(argv)
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
        passed = trio.run(_watched, client, Call(arguments=arguments, environ=environ, common=shared, report=report))
    except UsageProblem as problem:
        report.failed(problem, client.name)
    report.finish(report.verdict(passed), config, started, monotonic() - began)
    return report.code()


async def _watched(client: Client, call: Call) -> str:
    """The client under a signal receiver: Ctrl+C ends it, and what it has found is still told."""
    passed = ""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_interruption, nursery.cancel_scope, call.report)
        try:
            passed = await client.talk(call)
        except ClientError as error:
            call.report.failed(error, client.name)
        nursery.cancel_scope.cancel()
    return passed


async def _interruption(scope: trio.CancelScope, report: Report) -> None:
    with trio.open_signal_receiver(signal.SIGINT) as signals:
        async for _ in signals:
            report.interrupted = True
            scope.cancel()
            return


__all__ = ["Call", "Client", "add_output", "run"]
