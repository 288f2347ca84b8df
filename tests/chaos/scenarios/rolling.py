"""Two servers behind a balancer are replaced one after the other, under callers of the project's own client library."""

import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import trio
from attrs import define, field

from tests.chaos.balancer import Balancer, balancer
from tests.chaos.footing import Footing
from tests.chaos.scenario import Scenario, Scene
from tests.chaos.servers import Servers
from tests.e2e.program import Program
from tooling.yap_client.errors import YapError
from tooling.yap_client.events import Cancelled, Done
from tooling.yap_client.over_trio import connect

CALLERS = 12
REPLY_TOKENS = 150
TURNS_BEFORE = 2
"""Of each caller, before a server is told to go."""
DRAIN_S = "120"
THINKS_S = 1.0
"""Between two turns: cores that only speak would not start a successor."""
KEY = "k-1"
SAMPLING = {"temperature": 0.0, "sanitize_output": False}
LIMIT_S = 200.0


@contextmanager
def short(servers: Servers) -> Iterator[Program]:
    """A server whose replies end within seconds, and on a busy machine within its drain."""
    told = {"CHAT_MAX_OUT": str(REPLY_TOKENS), "DRAIN_TIMEOUT_S": DRAIN_S}
    with servers.running(servers.environment(**told)) as program:
        yield program


@define(eq=False)
class Callers:
    """People who talk turn after turn, each in one session that outlives its connections."""

    port: int
    ends: Counter[str] = field(factory=Counter)
    lost: list[str] = field(factory=list)
    turns: Counter[int] = field(factory=Counter)
    connections: int = 0
    slowest_s: float = 0.0
    over: trio.Event = field(factory=trio.Event)

    async def talk(self, number: int) -> None:
        """One of them."""
        async with connect(f"ws://127.0.0.1:{self.port}", key=KEY, prompt="Be brief.", sampling=SAMPLING) as session:
            known = ""
            while not self.over.is_set():
                began = trio.current_time()
                try:
                    turn = await session.say(f"and then? ({self.turns[number]})")
                    await turn.reply()
                except YapError as error:
                    self.lost.append(f"caller {number}, turn {self.turns[number]}: {type(error).__name__}: {error}")
                else:
                    self.ends[_name(turn.ending)] += 1
                self.turns[number] += 1
                self.slowest_s = max(self.slowest_s, trio.current_time() - began)
                self.connections += session.id != known
                known = session.id
                await trio.sleep(THINKS_S)

    async def have_talked(self, turns: int) -> None:
        """Return when each has had so many turns more."""
        wanted = {number: self.turns[number] + turns for number in range(CALLERS)}
        with trio.fail_after(LIMIT_S):
            while any(self.turns[number] < least for number, least in wanted.items()):
                await trio.sleep(0.05)


def _name(ending: object) -> str:
    if isinstance(ending, Done):
        return "done"
    return f"cancelled {ending.reason}" if isinstance(ending, Cancelled) else type(ending).__name__


async def _rolling(scene: Scene) -> None:
    """No turn is lost: each ends with all of its text, on the connection it began on or on the next."""
    first, second = scene.server, await _start(scene)
    async with balancer(first.port, second.port) as door, trio.open_nursery() as nursery:
        with trio.fail_after(30):
            while len(door.ready) < 2:
                await trio.sleep(0.05)
        callers = Callers(door.port)
        for number in range(CALLERS):
            nursery.start_soon(callers.talk, number)
        await callers.have_talked(TURNS_BEFORE)
        drained = [await _replace(scene, server, door, callers) for server in (first, second)]
        callers.over.set()
    scene.told, scene.recovered = max(drained), callers.slowest_s
    assert not callers.lost, f"{len(callers.lost)} turns were lost: {callers.lost[0]}"
    assert set(callers.ends) == {"done"}, dict(callers.ends)
    scene.note(
        f"{sum(callers.turns.values())} turns of {CALLERS} callers over {callers.connections} connections: all done; "
        f"both servers replaced, each gone {max(drained):.1f} s after SIGTERM at most; slowest turn, reconnecting "
        f"included, {callers.slowest_s:.1f} s; {door.turned_away} connections found no server"
    )
    scene.fault()


async def _replace(scene: Scene, server: Program, door: Balancer, callers: Callers) -> float:
    """One goes while the other serves, then its successor comes; how many seconds the first took to go."""
    scene.fault()
    server.kill(signal.SIGTERM)
    status = await trio.to_thread.run_sync(server.wait_gone, LIMIT_S)
    assert status == 0, f"a drained server ended with {status}"
    gone = scene.since()
    scene.say(f"port {server.port} is gone after {gone:.1f} s")
    door.targets.remove(server.port)
    successor = await _start(scene)
    door.targets.append(successor.port)
    await callers.have_talked(TURNS_BEFORE)
    scene.server = successor
    scene.footing = await trio.to_thread.run_sync(Footing.of, successor)
    return gone


async def _start(scene: Scene) -> Program:
    return await trio.to_thread.run_sync(lambda: scene.stack.enter_context(short(scene.servers)))


ROLLING = Scenario(
    name="rolling-restart",
    what="two servers behind a balancer are replaced one after the other, under callers of the client library",
    act=_rolling,
    house=short,
)

__all__ = ["ROLLING"]
