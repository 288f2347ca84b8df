"""How long a client that takes nothing is waited for."""

from typing import cast

from attrs import define, field

from runtime.websocket import WebSocket
from tests.simulation.world import World

GOODBYE_S = 5.0
"""What saying goodbye takes at the most: a linger, a close handshake, the last bytes; and a look at it."""


@define(eq=False)
class Patience:
    """`since`: of each session with something that its client does not take, how much it had taken, and when."""

    since: dict[int, tuple[int, float]] = field(factory=dict)

    def patience(self, world: World) -> str | None:
        """Nobody keeps a slot who took nothing for longer than allowed while something waited for it."""
        now, before, self.since = world.clock.current_time(), self.since, {}
        for connection in world.server.connections:
            wire, client = cast(WebSocket, connection.socket).wire, world.client_of(connection)
            if not wire._unsent or wire.closed.is_set() or client.link.socket.room > 0:
                continue
            number, taken = connection.actor.number, client.link.hearing.written
            at = before[number][1] if before.get(number, (-1, 0.0))[0] == taken else now
            self.since[number] = taken, at
            if now - at > wire.send_timeout_s + GOODBYE_S:
                return f"{client.name} has taken nothing for {now - at:g} s, and is still here"
        return None


__all__ = ["Patience"]
