"""When a connection counts as idle."""

from attrs import define, field

from actors.session.effects import Hangup
from tests.simulation.world import World

SLACK_S = 0.001


@define(eq=False)
class Idle:
    """`seen`: sessions that hung up for silence."""

    seen: set[int] = field(factory=set)

    def idle(self, world: World) -> str | None:
        """Nobody is sent away for silence who said something meanwhile."""
        now = world.clock.current_time()
        for connection in world.server.connections:
            number = connection.actor.number
            if connection.outbox.hangup is not Hangup.IDLE or number in self.seen:
                continue
            self.seen.add(number)
            doorman = world.doormen[number]
            # What is read in the very moment of the goodbye may have come behind it.
            silent = now - (doorman.read_at if doorman.read_at < now else doorman.before)
            if silent < connection.idle_timeout_s - SLACK_S:
                return f"{world.client_of(connection).name} was sent away after {silent:g} s of silence"
        return None


__all__ = ["Idle"]
