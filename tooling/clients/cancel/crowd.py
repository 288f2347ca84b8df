"""One client that cancels among others that do not: all send at once, and the others notice nothing."""

import trio
from attrs import define, field

from tooling.clients.cancel.canceller import PHASES, Canceller, Timing, show
from tooling.clients.failures import ClientError, NotSilent
from tooling.clients.output.phases import Phases
from tooling.clients.program import Call
from tooling.clients.session.connection import Connection


@define
class Line:
    """Where everybody waits until all have come, or have said that they will not."""

    missing: int
    complete: trio.Event = field(factory=trio.Event)

    def arrived(self) -> None:
        """One more is there, or gives up."""
        self.missing -= 1
        if self.missing <= 0:
            self.complete.set()


@define(kw_only=True)
class Crowd:
    """`clients` connections, the first of which cancels. `start`, `again`, `recovery`: payloads of turns."""

    call: Call
    clients: int
    timing: Timing
    start: dict[str, object]
    again: dict[str, object]
    recovery: dict[str, object]
    _over: bool = field(init=False, default=False)
    _staying: list[trio.CancelScope] = field(init=False, factory=list)
    _unwell: dict[str, ClientError] = field(init=False, factory=dict)

    async def run(self) -> str:
        """Returns the counts."""
        others = [f"client-{number}" for number in range(1, self.clients)]
        phases = Phases(self.call.report, [*PHASES, *others])
        line = Line(self.clients)
        async with trio.open_nursery() as nursery:
            for number, name in enumerate(others, start=1):
                nursery.start_soon(self._other, name, number, line)
            await self._canceller(phases, line)
        for name in others:
            if name in self._unwell:
                phases.failed(name, self._unwell[name])
            else:
                phases.passed(name)
        return phases.tally()

    async def _canceller(self, phases: Phases, line: Line) -> None:
        was_connected = False
        try:
            async with self.call.connected() as opened:
                was_connected = True
                line.arrived()
                await line.complete.wait()
                await Canceller(
                    call=self.call,
                    opened=opened,
                    timing=self.timing,
                    phases=phases,
                    start=self.start,
                    again=self.again,
                    recovery=self.recovery,
                ).run()
        except ClientError as error:  # what goes wrong in a phase is told there
            line.arrived()
            if was_connected:
                self.call.report.failed(error, "end")
            else:
                phases.failed(PHASES[0], error)
        finally:
            self._all_may_leave()

    async def _other(self, name: str, number: int, line: Line) -> None:
        try:
            async with self.call.connected() as opened:
                line.arrived()
                await line.complete.wait()
                try:
                    await self.call.turn(opened, "start", self.start, label=name, number=number, show=False)
                finally:
                    show(self.call.report, [turn for turn, *_ in self.call.report.turns if turn.label == name])
                await self._stay(opened)
        except ClientError as error:
            line.arrived()
            self._unwell[name] = error

    async def _stay(self, opened: Connection) -> None:
        """Stay connected, and notice nothing, until the one that cancels is done."""
        with trio.CancelScope() as scope:
            if not self._over:
                self._staying.append(scope)
                frame = await opened.receive("frame", float("inf"))
                raise NotSilent(f"{frame.type!r} came to a client that had asked for nothing")

    def _all_may_leave(self) -> None:
        self._over = True
        for scope in self._staying:
            scope.cancel()


__all__ = ["Crowd"]
