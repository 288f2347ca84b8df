"""Invariants of a server at rest: what its parts count is the same wherever it is counted."""

from actors.connection import Connection
from actors.engine import EngineState
from actors.session.outbox import ENTRY_OVERHEAD_BYTES, _Waiting
from actors.session.state import Phase
from tests.running import waits as waits_for
from tests.simulation.world import World

LONGEST_END = 8192
"""Bytes of a turn's last frames, which always fit."""


def running_set(world: World) -> str | None:
    """The engine's requests, the actor's and the sessions' are the same ones."""
    chat = world.parts.chat
    if chat is None:
        return None
    own, live = world.engines.newest, set(chat._requests.live)
    if own is not None and chat.watch.engine is own:
        has = set(own._requests)
        if has != live and not (own.script.ignores_aborts and has >= live):
            return f"the engine has {sorted(has)}, its actor {sorted(live)}"
    if chat.state is EngineState.DOWN:
        return None
    waiting = set()
    for connection in world.server.connections:
        turn = connection.actor._turn
        if turn is not None and waits_for(turn) and turn.generation is not None:
            waiting.add(turn.generation.request.id)
    return None if waiting == live else f"its actor has {sorted(live)}, sessions wait for {sorted(waiting)}"


def places(world: World) -> str | None:
    """Nobody has a place but a turn that asked for one, and there are no more than the limit."""
    chat = world.parts.chat
    if chat is None or chat.state is EngineState.DOWN:
        return None
    asked = sum(_has_asked(connection) for connection in world.server.connections)
    held, limit = len(chat._admission), chat._admission.limit
    if held > limit:
        return f"{held} places of {limit}"
    return None if len(chat._requests.live) <= held <= asked else f"{held} places of {asked} turns that asked"


def slots(world: World) -> str | None:
    """Each connection has one, and nobody else."""
    server = world.server
    if server.slots.taken != len(server.connections):
        return f"{server.slots.taken} slots taken by {len(server.connections)} connections"
    if server.slots.taken > server.slots.limit or server.arrivals.waiting > server.arrivals.limit:
        return f"{server.slots.taken} of {server.slots.limit} slots, {server.arrivals.waiting} arriving"
    return None


def outbox(world: World) -> str | None:
    """As large as what waits in it, and bounded: over its limit the connection ends.

    A session has at most one turn that waits, while another one is being stopped.
    """
    for connection in world.server.connections:
        waits = sum(map(_bytes, connection.outbox._waiting))
        if connection.outbox.size != waits:
            return f"{connection.outbox.size} bytes are said to wait, {waits} do"
        if connection.outbox.size > connection.outbox.limit + LONGEST_END:
            return f"{connection.outbox.size} bytes wait, at most {connection.outbox.limit}"
        if connection.outbox.overflowed and connection.outbox.hangup is None:
            return f"{world.client_of(connection).name} has missed something, and is not sent away"
        session = connection.actor.session
        if session.pending is not None and session.phase not in (Phase.CANCELLING, Phase.CLOSED):
            return f"a turn waits in {session.phase.value}"
    return None


def _bytes(entry: _Waiting) -> int:
    if entry.texts is None:
        return len(entry.ready) + ENTRY_OVERHEAD_BYTES if entry.done is None else entry.size
    return sum(len(text.encode()) for text in entry.texts) + len(entry.head) + ENTRY_OVERHEAD_BYTES


def _has_asked(connection: Connection) -> bool:
    turn = connection.actor._turn
    return turn is not None and turn.exchange is not None and turn.exchange._asked


__all__ = ["outbox", "places", "running_set", "slots"]
