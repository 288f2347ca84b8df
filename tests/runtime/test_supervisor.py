"""The supervisor: restarts with back-off, the end of its patience, stalls; in virtual time, with a scripted engine."""

import gc
import itertools
import weakref
from collections.abc import Iterator

import pytest
import trio
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from actors.engine import EngineActor, EngineState, Exchange
from actors.happenings import EngineRestarted
from engines.errors import EngineDead, EngineStartFailed
from engines.scripted import Script, ScriptedEngine
from runtime.back_off import MAX_FAILURES, PAUSES_S, WINDOW_S, Endurance
from runtime.health import Health
from runtime.process import _forget, _set_aside
from runtime.supervisor import Supervisor


@define(eq=False)
class Life:
    """A supervisor and every engine it made. `scripts`: of one engine after the other."""

    scripts: Iterator[Script]
    actor: EngineActor = field(factory=EngineActor)
    health: Health = field(factory=Health)
    engines: list[ScriptedEngine] = field(factory=list)
    born: list[float] = field(factory=list)
    supervisor: Supervisor = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.health.chat = self.actor
        self.supervisor = Supervisor(self._make, self.actor, self.health, lambda _info: [1, 2, 3], start_timeout_s=100)

    def _make(self) -> ScriptedEngine:
        self.engines.append(ScriptedEngine(next(self.scripts)))
        self.born.append(trio.current_time())
        return self.engines[-1]

    async def begin(self, nursery: trio.Nursery) -> None:
        """Return when the first engine serves."""
        nursery.start_soon(self.actor.run)
        await nursery.start(self.supervisor.run)

    async def until_ready(self) -> None:
        """Return when turns are served."""
        with trio.fail_after(200):
            while self.health.reason() is not None:
                await trio.sleep(0.01)


@define(eq=False)
class Keeping:
    """An outlet that keeps every error it is told."""

    paces: bool = False
    errors: list[BaseException] = field(factory=list)

    def report(self, happening: object) -> None:
        """Keep it."""
        if isinstance(happening, EngineRestarted):
            self.errors.append(happening.error)


def well() -> Iterator[Script]:
    """Engines with nothing wrong."""
    return itertools.repeat(Script())


async def test_a_failed_first_start_is_told_in_the_engines_own_words(autojump_clock: MockClock) -> None:
    life = Life(itertools.repeat(Script(fails_to_start="there is no weight")))
    with pytest.raises(EngineStartFailed, match="there is no weight"):
        await life.supervisor.run()
    assert len(life.engines) == 1


async def test_a_first_start_that_takes_too_long_is_given_up(autojump_clock: MockClock) -> None:
    life = Life(itertools.repeat(Script(load_s=1000)))
    with pytest.raises(EngineStartFailed, match=r"100 s \(ENGINE_START_TIMEOUT_S\)"):
        await life.supervisor.run()


@pytest.mark.parametrize("set_aside", [False, True], ids=["as-it-is", "set-aside"])
async def test_a_dead_engine_is_let_go_before_the_next_one_is_made(
    set_aside: bool, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    """Its sockets and pipes would stay with it: for as long as the next one lives, or, set aside, for ever."""
    life = Life(well())
    life.supervisor.forget = _forget
    await life.begin(nursery)
    (first,) = life.engines
    kept = weakref.ref(first)
    told = life.actor.observer = Keeping()
    if set_aside:
        _set_aside()
    try:
        first.die()
        del first, life.engines[:]
        await trio.sleep(0.5)
        await life.until_ready()
        assert kept() is None
        assert [error for error in told.errors if error.__traceback__ is not None], "an outlet may still say where"
    finally:
        gc.unfreeze()


async def test_a_dead_engine_is_followed_by_another_after_growing_pauses(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    life = Life(well())
    await life.begin(nursery)
    pauses = []
    for _ in range(MAX_FAILURES - 1):
        died = trio.current_time()
        life.engines[-1].die()
        await trio.sleep(0.5)
        assert "restarting in" in str(life.health.reason())
        await life.until_ready()
        pauses.append(life.born[-1] - died)
    assert pauses == pytest.approx([*PAUSES_S, PAUSES_S[-1]], abs=0.1)
    assert life.supervisor.restarts == MAX_FAILURES - 1


async def test_long_service_makes_the_pauses_short_again(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    life = Life(well())
    await life.begin(nursery)
    for _ in range(3):
        await life.until_ready()
        await trio.sleep(61)
        died = trio.current_time()
        life.engines[-1].die()
        await trio.sleep(0.5)
        await life.until_ready()
        assert life.born[-1] - died == pytest.approx(PAUSES_S[0], abs=0.1)


async def test_an_engine_that_comes_up_and_dies_again_and_again_is_given_up_with_the_reason(
    autojump_clock: MockClock,
) -> None:
    life = Life(well())

    async def kill() -> None:
        while True:
            await life.until_ready()
            life.engines[-1].die("CUDA error: an illegal memory access")
            await trio.sleep(0.01)

    with pytest.RaisesGroup(pytest.RaisesExc(EngineDead, match=r"failed 8 times within 1800 s.*illegal memory access")):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(kill)
            await life.begin(nursery)
    assert len(life.engines) == MAX_FAILURES
    assert life.actor.state is EngineState.DOWN


async def test_restarts_that_all_fail_are_given_up_too(autojump_clock: MockClock) -> None:
    life = Life(itertools.chain([Script()], itertools.repeat(Script(load_s=60, fails_to_start="no GPU any more"))))
    with pytest.RaisesGroup(pytest.RaisesExc(EngineDead, match="no GPU any more")):
        async with trio.open_nursery() as nursery:
            await life.begin(nursery)
            life.engines[-1].die()


async def test_an_engine_that_dies_every_five_minutes_is_restarted_for_ever(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    life = Life(itertools.repeat(Script(step_s=2.0)))
    await life.begin(nursery)
    for _ in range(2 * MAX_FAILURES):
        await trio.sleep(300)
        await life.until_ready()
        life.engines[-1].die()
    assert life.supervisor.restarts >= 2 * MAX_FAILURES - 1


async def test_a_stopped_engine_is_not_ready_and_is_replaced_when_it_stays_so(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    life = Life(well())
    await life.begin(nursery)
    life.engines[-1].stopped = "engine process 9 is stopped"
    await trio.sleep(1)
    assert life.health.reason() == "the chat engine makes no progress: engine process 9 is stopped"
    await trio.sleep(32)
    await life.until_ready()
    assert len(life.engines) == 2


@given(st.lists(st.floats(0, 1000), max_size=60))
def test_patience_ends_exactly_when_a_window_holds_too_many_failures(gaps: list[float]) -> None:
    times = list(itertools.accumulate(gaps))
    endurance = Endurance()
    ends = [endurance.ends(at) for at in times]
    for index, ended in enumerate(ends):
        recent = [at for at in times[: index + 1] if times[index] - at <= WINDOW_S]
        assert ended == (len(recent) >= MAX_FAILURES)


async def test_a_cache_reset_waits_for_a_turn_that_is_still_on_its_way_to_the_engine(autojump_clock: MockClock) -> None:
    life = Life(well())
    life.supervisor.cache_reset_s = 60
    async with trio.open_nursery() as nursery:
        await life.begin(nursery)
        await trio.sleep(61)
        resets = [life.supervisor.cache_resets]
        exchange = Exchange(life.actor.mailbox)
        await exchange.admit()
        await trio.sleep(200)
        resets.append(life.supervisor.cache_resets)
        exchange.close()
        await trio.sleep(2)
        resets.append(life.supervisor.cache_resets)
        nursery.cancel_scope.cancel()
    assert resets == [1, 1, 2]
