"""What the router is asked, against those who ask."""

from actors.session.state import Phase
from tests.simulation.world import World


def questions(world: World) -> str | None:
    """No more questions wait than turns that do."""
    router = world.parts.router
    if router is None:
        return None
    stats = router.stats()
    asking = sum(connection.actor.phase is Phase.ROUTING for connection in world.server.connections)
    waiting = stats.queued + stats.running
    return None if waiting <= asking else f"{waiting} questions wait, of {asking} turns that are routed"


def answers(world: World) -> str | None:
    """At the end: each turn that was told a decision is a question that was decided, or failed."""
    router = world.parts.router
    if router is None:
        return None
    stats = router.stats()
    counted = stats.yes + stats.no + sum(stats.errors.values())
    told = sum(over.route is not None for over in world.ledger.accountant.ended)
    return None if told <= counted else f"{told} turns were told a decision, {counted} were counted"


__all__ = ["answers", "questions"]
