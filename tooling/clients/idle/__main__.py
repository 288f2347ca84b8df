"""`python -m tooling.clients.idle`: connections that end well, a ping, and one that the server closes for silence."""

import os
import sys
from collections.abc import Awaitable, Callable

import trio

from tooling.clients.failures import ClientError, NoConnection
from tooling.clients.idle.lifecycle import IdleRule, end, ping, wait_and_end
from tooling.clients.options import Environ, Flags, parser, seconds, span
from tooling.clients.output.countdown import Countdown
from tooling.clients.output.phases import Phases
from tooling.clients.program import Call, Client, add_output, run
from tooling.clients.session.connection import Connection

DESCRIPTION = "Open connections and end them: by `end`, at once and after a wait, after a ping, and by silence."
TESTS = ("normal", "quick", "ping", "idle")
FALLBACKS = (
    ("normal_wait", ("IDLE_NORMAL_WAIT_SECONDS",), 3.0),
    ("idle_expect_seconds", ("IDLE_EXPECT_SECONDS", "WS_IDLE_TIMEOUT_S"), 150.0),
    ("idle_grace_seconds", ("IDLE_GRACE_SECONDS",), 15.0),
)
"""Flags, the variables that stand in for them, and what holds without any. Seconds."""


def grammar(_environ: Environ) -> Flags:
    """The flags of idle."""
    made = parser("idle-test", DESCRIPTION)
    told = ("silence before `end` in the first test", "the server's WS_IDLE_TIMEOUT_S; 0 skips the idle test")
    for (name, variables, default), what in zip(FALLBACKS, (*told, "how late the idle close may be"), strict=True):
        flag = f"--{name.replace('_', '-')}"
        made.add_argument(flag, type=span, metavar="S", help=f"{what} (default: {', '.join(variables)}, {default:g})")
    add_output(made)
    return made


async def talk(call: Call) -> str:
    """Run the tests."""
    asked = call.arguments
    for name, variables, default in FALLBACKS:
        if getattr(asked, name) is None:
            given = next((one for one in variables if call.environ.get(one, "").strip()), variables[0])
            setattr(asked, name, seconds(call.environ, given, default, zero=True))
    skips = asked.idle_expect_seconds == 0
    call.report.head("IDLE TEST", call.common.endpoint.url)
    tests = Tests(call, Phases(call.report, TESTS[:-1] if skips else TESTS))
    try:
        await tests.run(TESTS[0], lambda opened: wait_and_end(opened, asked.normal_wait))
        await tests.run(TESTS[1], end)
        await tests.run(TESTS[2], ping)
        if skips:
            call.report.line("- [idle] skipped: --idle-expect-seconds is 0")
        else:
            await tests.run(TESTS[3], tests.idle)
    except NoConnection:  # told already; without one the other tests would say the same again
        pass
    return tests.phases.tally()


class Tests:
    """The tests of one run, each on a connection of its own."""

    def __init__(self, call: Call, phases: Phases) -> None:
        self.call = call
        self.phases = phases

    async def run(self, name: str, test: Callable[[Connection], Awaitable[object]]) -> None:
        """One test. Raises `NoConnection`, which it has told."""
        self.call.report.line(f"▶ {name} connection test")
        try:
            async with self.call.connected() as opened:
                closed_after_s = await test(opened)
        except ClientError as error:
            self.phases.failed(name, error)
            if isinstance(error, NoConnection):
                raise
        else:
            figures = {} if closed_after_s is None else {"closed_after_s": closed_after_s}
            self.phases.passed(name, **figures)

    async def idle(self, opened: Connection) -> float:
        """Silence until the server closes, with the seconds left on show."""
        asked, report = self.call.arguments, self.call.report
        rule = IdleRule(asked.idle_expect_seconds, asked.idle_grace_seconds)
        failure, waited = None, 0.0
        async with trio.open_nursery() as nursery:
            report.bar = left = Countdown(None if report.quiet else sys.stderr, rule.expect_s)
            nursery.start_soon(left.run)
            try:
                waited = await rule.hold(opened)
            except ClientError as error:  # carried past the nursery, which would wrap it in a group
                failure = error
            nursery.cancel_scope.cancel()
        report.bar = None
        if failure is not None:
            raise failure
        return waited


CLIENT = Client(name="idle", grammar=grammar, talk=talk)
__all__ = ["CLIENT"]

if __name__ == "__main__":
    sys.exit(run(CLIENT, sys.argv[1:], os.environ))  # noqa: TID251  # an entry module
