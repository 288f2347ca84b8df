"""The observer of a simulation: the accountant that all tests have, whose objections are a breach."""

import trio
from attrs import define, field

from actors.happenings import Crashed, Happening, ServerReady
from tests.accounts import Accountant
from tests.simulation.judge import Judge
from tests.simulation.trace import Trace

EXPECTED = ("engine", "router")
"""What may crash, when the plan has it crash."""


@define(eq=False)
class Ledger:
    """`runtime.telemetry`'s recorder behind an accountant. `ready`: the server is."""

    judge: Judge
    trace: Trace
    paces: bool = True
    accountant: Accountant = field(factory=Accountant)
    ready: trio.Event = field(factory=trio.Event)

    def report(self, happening: Happening) -> None:
        """Note it, and check it."""
        kind = type(happening).__name__
        self.trace.note("told", kind)
        if isinstance(happening, ServerReady):
            self.ready.set()
        if isinstance(happening, Crashed) and happening.where not in EXPECTED:
            self.judge.broken("no-crash", f"{happening.where}: {happening.error!r} {_causes(happening.error)}")
        try:
            self.accountant.report(happening)
        except (AssertionError, KeyError) as error:
            self.judge.broken("telemetry", f"{kind}: {error!r}")


def _causes(error: BaseException) -> list[str]:
    if isinstance(error, BaseExceptionGroup):
        return [cause for each in error.exceptions for cause in _causes(each)]
    return [repr(error)]


__all__ = ["Ledger"]
