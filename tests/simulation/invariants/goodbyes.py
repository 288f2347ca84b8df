"""How connections end: nobody who listens is left without a word."""

from attrs import define, field

from actors.session.state import Phase
from tests.simulation.client import Client
from tests.simulation.plan import Line
from tests.simulation.world import World

ANSWER_S = 2 * 0.2 + 0.1
"""There and back, and a moment for who is busy."""
WIDE = Line().window
PROMPT_S = 0.2
"""One way. A client that is further off can be given up for silence although it answers."""


@define(eq=False)
class Goodbyes:
    """`seen`: clients that have been looked at, each once it is over."""

    seen: set[str] = field(factory=set)

    def goodbye(self, world: World) -> str | None:
        """Who reads all and does nothing wrong hears a close frame at the end; before it, what its turn came to."""
        for client in world.clients:
            if client.state != "over" or client.name in self.seen:
                continue
            self.seen.add(client.name)
            if not _listens(client):
                continue
            if client.closed is None and world.plan.ends != "twice":  # who is told twice to end says no more
                return f"{client.name} was left without a close frame"
            if (
                client.closed is not None
                and client.closed[0] == 1001
                and (client.referee.open or not client.referee.over)
                and not _came_too_late(client)
            ):
                return f"{client.name} was not told that the server shuts down, or of {client.referee.open}"
        return None

    def violation(self, world: World) -> str | None:
        """Who reads all and breaks RFC 6455 is sent away for it, with the code that this names."""
        for client in world.clients:
            if client.state != "over" or not client.forbidden or client.name in self.seen:
                continue
            self.seen.add(client.name)
            if client.gone != client.forbidden or not _takes_all(client):
                continue
            if client.closed is None and world.plan.ends != "twice":
                return f"{client.name} was left without a close frame after {client.forbidden}"
        return None


def pong(world: World) -> str | None:
    """A WebSocket ping is answered at once, the newest of several."""
    now = world.clock.current_time()
    for client in map(world.client_of, world.server.connections):
        if client.state != "open" or not client.pinged or not _is_near(client) or client.link.paused or client.gone:
            continue
        at, payload = client.pinged[-1]
        if now > at + ANSWER_S and (not client.ponged or client.ponged[-1] != payload):
            return f"{client.name} pinged at {at:g} s, {payload!r}, and heard {client.ponged[-1:]}"
    return None


def draining(world: World) -> str | None:
    """While the server shuts down no session waits for a next turn."""
    if not world.parts.health.draining:
        return None
    for connection in world.server.connections:
        begun = getattr(connection.actor, "_nursery", None) is not None  # else it is turned away at the door
        if begun and connection.actor.phase is Phase.IDLE:
            return f"{world.client_of(connection).name} is still here and has no turn"
    return None


def _listens(client: Client) -> bool:
    return _takes_all(client) and not client.gone


def _takes_all(client: Client) -> bool:
    link = client.link
    took_all = link.ended == "end" and link.quiet and link.reads and not link.paused
    return link.hearing.upgraded and took_all and _is_near(client) and not client.mute


def _came_too_late(client: Client) -> bool:
    """Whether it waited for its slot, or had just got it, and was told to come again instead of goodbye."""
    last = client.frames[-1]["payload"] if client.frames else {}
    return last.get("code") == "server_busy" and "usage" not in last


def _is_near(client: Client) -> bool:
    line = client.link.line
    return line.delay_s + line.jitter_s <= PROMPT_S and line.window >= WIDE and not line.write_most


__all__ = ["Goodbyes", "draining", "pong"]
