"""The disk of the log and of the launch's state is full, behind a real launch."""

import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import trio

from tests.chaos.footing import Footing
from tests.chaos.scenario import Scenario, Scene, next_turn
from tests.chaos.servers import Servers, free_port
from tests.chaos.small_disk import SmallDisk, small_disk
from tests.e2e.breaking import GREEDY
from tests.e2e.client import connected
from tests.e2e.program import ROOT, Program, assert_nothing_left
from tooling.running import Phase, State, read_state

CONFESSION = "could not be written here: No space left on device"
TURNS = 30
"""So many that their lines do not fit into what is left of the page that the log ends in."""
LIMIT_S = 90.0
DRAIN_S = "5"
RECORDED_S = 15.0


class Launched(Program):
    """A server behind its keeper, whose log and state are on a small disk."""

    def __init__(self, environment: Mapping[str, str], disk: SmallDisk) -> None:
        self.disk, self.bound = disk, int(environment["SERVER_PORT"])
        super().__init__(environment, (sys.executable, "-m", "runtime"), module="tests.keeping", within=disk.within)

    @property
    def port(self) -> int:
        """Where it listens, or will."""
        return self.bound

    @property
    def pid(self) -> int:
        """The server's process; the keeper's while there is none."""
        state = self.state()
        return self.process.pid if state is None or state.server is None else state.server.pid

    def state(self) -> State | None:
        """What the launch has written down."""
        return read_state(self.disk.outside / "home", self.bound)

    def log(self) -> str:
        """Its log."""
        return (self.disk.outside / "server.log").read_text()


@contextmanager
def launched(servers: Servers) -> Iterator[Launched]:
    """A launch with a small disk for its log and its state."""
    place = servers.directory / "disk"
    place.mkdir(exist_ok=True)
    with small_disk(place) as disk:
        told = servers.environment(
            SERVER_PORT=str(free_port()),
            YAP_HOME=str(place / "home"),
            YAP_LOG_FILE=str(place / "server.log"),
            DRAIN_TIMEOUT_S=DRAIN_S,
        )
        path = ":".join(filter(None, [str(ROOT), told.get("PYTHONPATH")]))
        with servers.kept(Launched({**told, "PYTHONPATH": path}, disk)) as launch:
            yield launch


async def _full(scene: Scene) -> None:
    """Turns are spoken all the same; the log says what it lacks; a launch that cannot write its state ends well, and
    the next one begins."""
    launch = scene.server
    assert isinstance(launch, Launched)
    launch.disk.fill()
    for _ in range(TURNS):
        await next_turn(launch.port)
    launch.disk.clear()
    scene.fault()
    await scene.works_again()
    with trio.fail_after(LIMIT_S):
        while CONFESSION not in launch.log():
            await next_turn(launch.port)
    (confession,) = [line for line in launch.log().splitlines() if CONFESSION in line]
    scene.note(f"{TURNS} turns were spoken on a full disk; then the log said: {confession}")
    await _ends_while_full(scene, launch)


async def _ends_while_full(scene: Scene, launch: Launched) -> None:
    launch.disk.fill()
    async with connected(launch.port, session_id="last") as client:
        await client.start("r-1", "tell me a story", sampling=GREEDY)
        await client.until("token")
        began = scene.since()
        launch.kill(signal.SIGTERM)
        end = (await client.rest())[-1]
        scene.told = scene.since() - began
        assert end["type"] == "done" or end["payload"]["reason"] == "server_shutdown", end
        status = await trio.to_thread.run_sync(launch.wait_gone)
    assert status == 0, f"the launch ended with {status}"
    await trio.to_thread.run_sync(assert_nothing_left, launch.process.pid)
    state = launch.state()
    assert state is not None
    assert state.is_stale(), f"the record says {state.phase}"
    launch.disk.clear()
    scene.note(f"ended by SIGTERM while the disk was full, with {status}; its record was left at {state.phase}, stale")
    scene.fault()
    again = Launched(launch.environment, launch.disk)
    scene.server = scene.stack.enter_context(scene.servers.kept(again))
    await _is_recorded(again, Phase.READY)
    scene.footing = await trio.to_thread.run_sync(Footing.of, again)
    await scene.works_again()


async def _is_recorded(launch: Launched, phase: Phase) -> None:
    """Its record says so, soon: it is written a moment after what it tells of."""
    with trio.move_on_after(RECORDED_S):
        while (state := launch.state()) is None or state.phase is not phase:
            await trio.sleep(0.05)
        return
    raise AssertionError(f"the record still says {state.phase if state else 'nothing'}, not {phase}")


DISK = Scenario(
    name="disk-full", what="the disk is full that holds the log and the launch's state", act=_full, house=launched
)

__all__ = ["DISK"]
