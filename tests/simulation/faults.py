"""What can break, by name, and how it is mended again."""

import errno
from collections.abc import Callable

from attrs import evolve

from tests.simulation.plan import Fault
from tests.simulation.world import World

NEVER = 1_000_000
GIVES_UP = "gives-up"


def engine_dies(world: World, _fault: Fault) -> None:
    """As a crashed process does."""
    engine = world.engines.newest
    if engine is not None and not engine._death.is_set():
        engine.die("the plan says so")


def engine_stalls(world: World, fault: Fault) -> None:
    """Takes no step for `seconds`, and says nothing of it."""
    if (engine := world.engines.newest) is not None:
        engine.stalled = True
        world.network.after(fault.seconds, lambda: setattr(engine, "stalled", False))


def engine_stops(world: World, fault: Fault) -> None:
    """Is stopped for `seconds`, which can be seen."""
    if (engine := world.engines.newest) is not None:
        engine.stopped = "stopped by a signal"
        world.network.after(fault.seconds, lambda: setattr(engine, "stopped", None))


def engine_is_mute(world: World, fault: Fault) -> None:
    """Answers no question for `seconds`."""
    if (engine := world.engines.newest) is not None:
        engine.mute = True
        world.network.after(fault.seconds, lambda: setattr(engine, "mute", False))


def engine_ignores_aborts(world: World, _fault: Fault) -> None:
    """For as long as it lives."""
    if (engine := world.engines.newest) is not None:
        engine.script = evolve(engine.script, ignores_aborts=True)


def engine_fails_requests(world: World, fault: Fault) -> None:
    """The next `number`."""
    world.engines.failing_requests = fault.number


def engine_refuses(world: World, fault: Fault) -> None:
    """Takes none of the next `number` requests."""
    world.engines.refusing = fault.number


def engine_fails_to_start(world: World, fault: Fault) -> None:
    """Dies, and the next `number` do not come up."""
    world.engines.failing_starts = max(fault.number, world.engines.failing_starts)
    engine_dies(world, fault)


def engine_never_starts(world: World, fault: Fault) -> None:
    """Dies, and none after it comes up."""
    world.engines.failing_starts = NEVER
    engine_dies(world, fault)


def engine_keeps_dying(world: World, fault: Fault) -> None:
    """Dies, and every `seconds` again whatever is in its place, until the server has given up."""
    engine_dies(world, fault)
    if world.plan.ends == GIVES_UP and not world.ended and not world.worn_out:
        world.network.after(fault.seconds, lambda: engine_keeps_dying(world, fault))


def engine_starts_slowly(world: World, fault: Fault) -> None:
    """Dies, and the next ones take `seconds` to load."""
    world.engines.load_s = fault.seconds
    engine_dies(world, fault)


def router_mood(mood: str) -> Callable[[World, Fault], None]:
    """Inferences go so for `seconds`."""

    def turns(world: World, fault: Fault) -> None:
        world.classifier.mood = mood
        if fault.seconds:
            world.network.after(fault.seconds, lambda: setattr(world.classifier, "mood", ""))

    return turns


def router_fails_to_start(world: World, fault: Fault) -> None:
    """Dies at its next inference, and the next `number` do not come up."""
    world.classifier.mood, world.classifier.failing_starts = "dead", fault.number


def out_of_descriptors(world: World, fault: Fault) -> None:
    """The next `number` connections are accepted at a second try."""
    world.listener.failing += [OSError(errno.EMFILE, "too many open files")] * fault.number


FAULTS: dict[str, Callable[[World, Fault], None]] = {
    "engine-dies": engine_dies,
    "engine-stalls": engine_stalls,
    "engine-stops": engine_stops,
    "engine-mute": engine_is_mute,
    "engine-ignores-aborts": engine_ignores_aborts,
    "engine-fails-requests": engine_fails_requests,
    "engine-refuses": engine_refuses,
    "engine-fails-to-start": engine_fails_to_start,
    "engine-starts-slowly": engine_starts_slowly,
    "engine-never-starts": engine_never_starts,
    "engine-keeps-dying": engine_keeps_dying,
    "router-slow": router_mood("slow"),
    "router-failing": router_mood("failing"),
    "router-wrong": router_mood("wrong"),
    "router-nan": router_mood("nan"),
    "router-raising": router_mood("raising"),
    "router-dead": router_mood("dead"),
    "router-fails-to-start": router_fails_to_start,
    "no-descriptors": out_of_descriptors,
}

EXCUSES = ("engine-stalls", "engine-stops", "engine-mute", "engine-ignores-aborts")
"""For these an engine may be replaced although it lives."""

__all__ = ["EXCUSES", "FAULTS", "GIVES_UP"]
