"""How the server ends: for a reason, as that reason has it end, and with nothing left of its connections."""

from tests.simulation.world import MAX_FAILURES, WITHIN_S, World


def gave_up(world: World) -> str | None:
    """It ends with its engine's error when that has failed too often or never came up, and at no other time."""
    times = [engine.closed_at for engine in world.engines.made if engine.closed_at is not None]
    if world.failed:
        sound = [number for number, engine in enumerate(world.engines.made) if not engine.excused]
        if sound:
            return f"it gave up, and nothing was wrong with engines {sound}: {world.failed}"
        return None if world.worn_out else f"it gave up after {len(times)} failures: {world.failed}"
    if world.stopping:  # its engine is closed then as well
        return None
    return f"it ended without an error, after failures at {times}" if world.plan.ends == "gives-up" else None


def went_on(world: World) -> str | None:
    """No engine is made after so many failures."""
    made = [engine.made_at for engine in world.engines.made[MAX_FAILURES:]]
    closed = [engine.closed_at for engine in world.engines.made]
    for number, at in enumerate(made):
        first, last = closed[number], closed[number + MAX_FAILURES - 1]
        if first is not None and last is not None and last - first <= WITHIN_S:
            return f"an engine was made at {at:g} s, after failures at {closed[number : number + MAX_FAILURES]}"
    return None


def emptied(world: World) -> str | None:
    """Of a server that has ended no connection is left, however it came to that."""
    server = world.server
    taken, waiting = server.slots.taken, server.arrivals.waiting
    if server.connections or taken or waiting:
        return f"{len(server.connections)} connections, {taken} slots taken, {waiting} arriving"
    left = [socket.number for socket in world.sockets if socket.accepted and not socket.closed]
    return f"sockets {left} are open" if left else None


__all__ = ["emptied", "gave_up", "went_on"]
