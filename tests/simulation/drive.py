"""The course of a run: from the start of the process, through everything that is planned, to its end."""

import math
import signal
from collections.abc import Callable
from functools import partial

import trio
from attrs import define
from trio._core._run import GLOBAL_RUN_CONTEXT

from engines.errors import EngineError
from runtime.telemetry.prometheus import render
from runtime.telemetry.switchboard import Telemetry
from runtime.tracebacks import leaves
from tests.referee import Message
from tests.simulation.client import Client
from tests.simulation.faults import EXCUSES, FAULTS, GIVES_UP
from tests.simulation.invariants.leftovers import left_over
from tests.simulation.plan import ClientPlan, Fault, Step
from tests.simulation.world import World

LOOK_S = 2.0
HANG_S = 240.0
"""Nothing that is under way takes longer: a generation, a hang that has to be found out, restarts and their pauses."""
START_S = 600.0
"""An engine and a tool model come up within seconds, or never."""
LONGEST_S = 7200.0
"""Whatever clients have planned, and wait for: they are patient for less than a minute a step."""
GIVING_UP_S = 720.0
"""Eight starts that fail after the 40 s that a plan lets them take at the most, and the pauses between them."""
LEAVE_S = 120.0
"""What is left of a connection when its client has gone: an abort, a close handshake, pings that nobody answers."""
STOP_S = 10.0
"""What an end takes beside the drain: close handshakes, and the engine's own."""

SIGNALLED = ("drain", "twice")

Look = Callable[[World], None]


@define(eq=False)
class Drive:
    """Runs a world. `settled`: looks at it at each moment of rest in which something had happened, or long not."""

    world: World
    settled: Look
    _seen: int = 0
    _seen_at: float = 0.0
    _mended_at: float = 0.0

    async def run(self) -> None:
        """Until the server has ended, or an invariant is broken."""
        self._watch()
        world = self.world
        async with trio.open_nursery() as nursery:
            with world.judge.scope:
                nursery.start_soon(world.network.run, name="network")
                await self._course()
            nursery.cancel_scope.cancel("the run is over")

    async def _course(self) -> None:
        tell, signals = trio.open_memory_channel[int](2)
        world, plan = self.world, self.world.plan
        async with trio.open_nursery() as nursery:
            await nursery.start(self._serve, signals, name="server")
            self._begin("early")
            await self._up_or_ended()
            self._begin("" if not world.ended else "none")
            self._mended_at = trio.current_time() + max((each.at_s + each.seconds for each in plan.faults), default=0.0)
            for fault in plan.faults:
                world.network.after(fault.at_s, partial(self._break, fault))
            if plan.ends in SIGNALLED:
                once = partial(self._signal_once, tell)
                world.network.after(plan.ends_at_s, once)
                for client in world.clients:
                    client.parting = once if client.name == plan.ends_with else None
            if plan.ends == "twice":
                world.network.after(plan.ends_at_s + plan.impatience_s, partial(self._signal, tell))
            within_s = GIVING_UP_S if plan.ends == GIVES_UP else HANG_S
            await self._until(self._over_or_settled, within_s, "nobody-hangs")
            if not world.ended:
                await self._leave()
                self._signal(tell)
            await self._until(lambda: world.ended, world.settings.deployment.drain_timeout_s + STOP_S, "nobody-hangs")
            await self._until(lambda: not world.network.busy, HANG_S, "nobody-hangs")

    async def _up_or_ended(self) -> None:
        ready, deadline = self.world.ledger.ready, trio.current_time() + START_S
        while not (ready.is_set() or self.world.ended):
            if trio.current_time() >= deadline:
                self.world.judge.broken("nobody-hangs", f"it is not ready after {START_S:g} s")
                await trio.sleep_forever()
            with trio.move_on_after(LOOK_S):
                await ready.wait()

    async def _serve(self, signals: trio.MemoryReceiveChannel[int], task_status: trio.TaskStatus[int]) -> None:
        world = self.world
        try:
            await world.process._live(world.parts, world.server, self._telemetry(), signals, task_status)
        except* EngineError as group:
            world.failed = "; ".join(str(error) for error in leaves(group))
        except* Exception as group:
            world.judge.broken("no-crash", f"the process ended with {group!r}: {group.exceptions}")
        world.ended = True
        world.trace.note("server", "has ended")

    def _telemetry(self) -> Telemetry:
        ledger, server = self.world.ledger, self.world.server
        telemetry = Telemetry(ledger, ledger.accountant.recorder.books, render=render)
        if self.world.settings.deployment.metrics_enabled:
            server.metrics = telemetry.page
        return telemetry

    async def _leave(self) -> None:
        """Everybody says goodbye, and nothing is left."""
        world = self.world
        for client in world.clients:
            if client.state == "open":
                client.earn(1000)
                client.say("end", {})
        await trio.sleep_until(self._mended_at)
        world.engines.load_s, world.engines.failing_starts = 0.0, 0
        await self._until(self._is_empty, HANG_S, "left-over")
        if world.ended:  # it has given up: nobody is served any more
            return
        await self._try_out()
        await trio.testing.wait_all_tasks_blocked()
        wrong = left_over(world)
        if wrong is not None:
            world.judge.broken("left-over", wrong)

    async def _try_out(self) -> None:
        """Whatever broke is mended by now: the next turn works."""
        world = self.world
        world.engines.failing_requests = world.engines.refusing = 0
        world.classifier.mood, world.listener.failing = "", []
        steps = (Step(do="start", text="hello there"), Step(do="end", wait="end"))
        probe = world.add(ClientPlan(name="probe", steps=steps))
        self._arrive(probe)
        await self._until(lambda: probe.state == "over", LEAVE_S, "recovery")
        if world.ended:
            return
        ends = [account.end for account in probe.referee.turns.values()]
        if not ends or ends[0] is None or not _is_good(ends[0]):
            world.judge.broken("recovery", f"the last client's turn ended with {ends}")
        await self._until(self._is_empty, LEAVE_S, "left-over")

    async def _until(self, reached: Callable[[], bool], within_s: float, name: str) -> None:
        """Wait for something; `within_s` counts from when the clients have done all that they had planned."""
        deadline = trio.current_time() + LONGEST_S
        while not (reached() or (self.world.ended and name != "nobody-hangs")):
            await trio.sleep(LOOK_S)
            if all(client.finished for client in self.world.clients):
                deadline = min(deadline, trio.current_time() + within_s)
            if trio.current_time() >= deadline:
                self.world.judge.broken(name, f"not within {within_s:g} s: {self._what_is_left()}")
                await trio.sleep_forever()

    def _over_or_settled(self) -> bool:
        if self.world.plan.ends != "leave":
            return self.world.ended
        clients = self.world.clients
        return self.world.ended or all(each.finished and each.settled and each.link.reads for each in clients)

    def _is_empty(self) -> bool:
        server, chat, health = self.world.server, self.world.parts.chat, self.world.parts.health
        if server.connections or server.slots.taken or server.arrivals.waiting:
            return False
        idle = chat is None or (chat.idle and not chat.stats().unconfirmed_aborts and health.reason() is None)
        return idle and all(socket.closed for socket in self.world.sockets)

    def _what_is_left(self) -> str:
        world = self.world
        waiting = [
            f"{client.name} ({client.state}, open {client.referee.open}, unanswered {client.referee.unanswered})"
            for client in world.clients
            if not client.settled or not client.finished
        ]
        stats = world.parts.chat.stats() if world.parts.chat else None
        taken, arriving = world.server.slots.taken, world.server.arrivals.waiting
        return f"clients {waiting}, slots {taken}, arriving {arriving}, engine {stats}, {world.parts.health.reason()}"

    def _begin(self, door: str) -> None:
        for client in self.world.clients:
            if door == "early" == client.plan.door:
                self._arrive(client)
            elif not door and client.plan.door != "early":
                self.world.network.after(client.plan.at_s, partial(self._arrive, client))

    def _arrive(self, client: Client) -> None:
        before = client.before
        if before is not None and not before.finished and not self.world.ended:
            self.world.network.after(LOOK_S, partial(self._arrive, client))
            return
        self.world.probe(client)
        client.link.connect(self.world.listener)
        client.begin()

    def _break(self, fault: Fault) -> None:
        self.world.trace.note("fault", f"{fault.what} {fault.seconds:g} {fault.number}")
        if fault.what in EXCUSES and (engine := self.world.engines.newest) is not None:
            engine.excused = True
        FAULTS[fault.what](self.world, fault)

    def _signal_once(self, tell: trio.MemorySendChannel[int]) -> None:
        if not self.world.stopping:
            self._signal(tell)

    def _signal(self, tell: trio.MemorySendChannel[int]) -> None:
        self.world.hurried, self.world.stopping = self.world.stopping, True
        self.world.trace.note("server", "SIGTERM")
        tell.send_nowait(signal.SIGTERM)

    def _watch(self) -> None:
        """The mock clock jumps when every task waits: then nothing is on its way."""
        world, clock = self.world, self.world.clock
        deadlines = GLOBAL_RUN_CONTEXT.runner.deadlines

        def look() -> None:
            lines, now = len(world.trace.lines), clock.current_time()
            news = lines != self._seen or now >= self._seen_at + LOOK_S
            if news and not world.ended and world.judge.breach is None:
                self._seen, self._seen_at = lines, now
                try:
                    self.settled(world)
                except Exception as error:  # in the loop's own code: it would never be heard of
                    world.judge.broken("simulator", repr(error))
            pause = deadlines.next_deadline() - clock.current_time()
            if 0 < pause < math.inf:  # as trio does it, less statistics of everything
                clock.jump(pause)

        clock._autojump = look  # type: ignore[method-assign]


def _is_good(end: Message) -> bool:
    """Whether a turn was served; its voice may have nothing to say, or more than there is time for."""
    reason = end["payload"].get("details", {}).get("reason_code")
    return bool(end["type"] == "done" or reason in ("empty_model_output", "generation_timeout"))


__all__ = ["Drive"]
