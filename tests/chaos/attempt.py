"""One scenario from the look before to the look after: did everything come back, and how long did it take."""

from collections.abc import Callable
from contextlib import ExitStack

import trio
from attrs import field, frozen

from tests.chaos.footing import ROUND_MAY_KEEP, Footing, kept_blocks, slope
from tests.chaos.scenario import Scenario, Scene
from tests.chaos.servers import Servers
from tests.e2e.books import wrong
from tests.e2e.figures_page import read_page
from tests.e2e.program import Program

CLEAN_S = 60.0
LIMIT_S = 1200.0
"""A round; servers and engines may have to start in it, on a busy machine."""
LOOK_EVERY_S = 0.05
OWN_COUNT = "engine_unfinished_requests"


@frozen(kw_only=True)
class Outcome:
    """What came of a scenario. Seconds from the fault: `told`, `recovered`, `clean`, each the worst of its rounds.

    `problems` is empty where all is well. `notes`: the last round's. `slope_mib`, `slope_blocks`: what a round added to
    the server's resident memory, and to the blocks that it keeps after a collection; the first apart.
    """

    name: str
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    told: float | None = None
    recovered: float | None = None
    clean: float | None = None
    rounds: int = 1
    slope_mib: float = 0.0
    slope_blocks: float = 0.0
    before: Footing | None = field(default=None, repr=False)
    after: Footing | None = field(default=None, repr=False)

    @property
    def passed(self) -> bool:
        """Whether everything was as it has to be."""
        return not self.problems

    def as_json(self) -> dict[str, object]:
        """Plain data."""
        told = {"told_s": self.told, "recovered_s": self.recovered, "clean_s": self.clean}
        footings = {"before": self.before, "after": self.after}
        return {
            "scenario": self.name,
            "passed": self.passed,
            "problems": list(self.problems),
            "rounds": self.rounds,
            **{name: None if value is None else round(value, 3) for name, value in told.items()},
            **{name: None if one is None else one.as_json() for name, one in footings.items()},
            "slope_mib": round(self.slope_mib, 2),
            "slope_blocks": round(self.slope_blocks, 1),
            "notes": list(self.notes),
        }


async def attempt(scenario: Scenario, servers: Servers, server: Program, say: Callable[[str], None]) -> Outcome:
    """Run all rounds; whatever is wrong is told in the outcome, and never raised."""
    scenes: list[Scene] = []
    cleans: list[float] = []
    footings: list[Footing] = []
    kept: list[int] = []
    problems: list[str] = []
    before: Footing | None = None
    try:
        with trio.fail_after(LIMIT_S * scenario.rounds):
            before = reference = await trio.to_thread.run_sync(Footing.of, server)
            for number in range(scenario.rounds):
                with ExitStack() as stack:
                    scenes.append(scene := Scene(servers, server, say, stack=stack))
                    await scenario.act(scene)
                    # A crowd's first round fills what later ones find; of those each must leave what it found.
                    fills = number == 0 and scenario.rounds > 1
                    problems += await _until_clean(scene, reference.grown() if fills else reference)
                    cleans.append(scene.since())
                    if scenario.rounds > 1:
                        kept.append(await trio.to_thread.run_sync(kept_blocks, scene.server))
                    footings.append(await trio.to_thread.run_sync(Footing.of, scene.server))
                    before = scene.footing or before
                    reference = footings[0] if fills else scene.footing or reference
    except (Exception, ExceptionGroup) as error:
        problems.append(_told(error))
    if slope(kept) > ROUND_MAY_KEEP:
        problems.append(f"each round leaves {slope(kept):.0f} blocks of memory, {ROUND_MAY_KEEP:g} are allowed")
    return Outcome(
        name=scenario.name,
        problems=tuple(problems),
        notes=tuple(scenes[-1].notes) if scenes else (),
        told=max((scene.told for scene in scenes if scene.told is not None), default=None),
        recovered=max((scene.recovered for scene in scenes if scene.recovered is not None), default=None),
        clean=max(cleans, default=None),
        rounds=len(footings),
        slope_mib=slope([each.server_mib for each in footings]),
        slope_blocks=slope(kept),
        before=before,
        after=footings[-1] if footings else None,
    )


async def _until_clean(scene: Scene, before: Footing) -> list[str]:
    """Wait until nothing is left, and the books add up; what does not come back in time."""
    found = [f"the server did not answer within {CLEAN_S:g} s"]
    with trio.move_on_after(CLEAN_S):
        while found := await _left(scene, scene.footing or before):
            await trio.sleep(LOOK_EVERY_S)
    return found


async def _left(scene: Scene, before: Footing) -> list[str]:
    page = await read_page(scene.server.port)
    now = await trio.to_thread.run_sync(Footing.of, scene.server)
    found = [*wrong(page), *now.lacks(before)]
    if scene.servers.says_own_count and OWN_COUNT not in {name for name, *_ in page.samples}:
        found.append("the engine does not say how many requests it has")
    return found


def _told(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    said = str(error).strip().replace("\n", " ")[:600]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


__all__ = ["Outcome", "attempt"]
