"""One engine at a time, one generation no longer than allowed, no turn refused for which there was room."""

from itertools import pairwise

from attrs import define, field

from actors.engine import EngineState
from actors.session.state import Phase
from tests.simulation.world import World

SLACK_S = 0.001


def one_engine(world: World) -> str | None:
    """Whatever was made before the newest engine is closed."""
    left = [number for number, engine in enumerate(world.engines.made[:-1]) if engine.closed_at is None]
    return f"engines {left} of {len(world.engines.made)} were not closed" if left else None


def deadline(world: World) -> str | None:
    """No turn waits for its generation beyond its time."""
    now = world.clock.current_time()
    for connection in world.server.connections:
        turn = connection.actor._turn
        if turn is None or turn.generation is None or connection.actor.phase is not Phase.STREAMING:
            continue
        waited = now - turn.generation.submitted_at
        if waited > turn.site.generation_timeout_s + SLACK_S:
            return f"{world.client_of(connection).name} has waited {waited:g} s for {turn.request.request_id}"
    return None


def readiness(world: World) -> str | None:
    """The server is ready when its engine takes turns and it does not shut down, and says so at no other time."""
    health, chat = world.parts.health, world.parts.chat
    up = chat is None or chat.state is EngineState.READY
    ready = up and health.router_ready and not health.draining
    said = health.reason() is None
    return None if said is ready else f"it says {health.reason() or 'ready'}; the engine is {chat and chat.state.value}"


def restarts(world: World) -> str | None:
    """Each engine but the first is a restart that had a reason, and was counted, before it or while it was awaited."""
    for number, engine in enumerate(world.engines.made[:-1]):
        if not engine.excused:
            return f"engine {number} was replaced, and nothing was wrong with it"
    made, counted = len(world.engines.made), world.process.restarts
    return None if made - 1 <= counted <= made or not made else f"{counted} restarts, {made} engines"


def retry_in(world: World) -> str | None:
    """At the end: who was refused in the pause before a restart was not told to come back before it.

    Who asked before that pause may have been refused in an earlier one, and be told when its decision is there.
    """
    made = world.engines.made
    pauses = [(one.closed_at, after.made_at) for one, after in pairwise(made) if one.closed_at is not None]
    times = {(over.session, over.request_id): (over.read_at, over.ended_at) for over in world.ledger.accountant.ended}
    for number, connection in world.connections.items():
        client = world.client_of(connection)
        for name, turn in client.referee.turns.items():
            details = turn.end["payload"].get("details", {}) if turn.end else {}
            if details.get("reason_code") != "engine_unavailable" or (number, name) not in times:
                continue
            asked_at, at = times[number, name]
            until = next((end for begin, end in pauses if begin < asked_at <= at < end), None)
            if until is not None and at + details["retry_in"] < until - SLACK_S:
                return f"{client.name} was told at {at:g} s to come back in {details['retry_in']} s, not at {until:g} s"
    return None


@define(eq=False)
class Stalls:
    """`since`: when the engine was seen to stand still with work to do."""

    since: float | None = None
    steps: int = -1

    def stall(self, world: World) -> str | None:
        """An engine that makes no step although it has work takes no turns for longer than it may be silent."""
        chat, own, now = world.parts.chat, world.engines.newest, world.clock.current_time()
        if chat is None or own is None or chat.watch.engine is not own or not (own._requests or own._confirm):
            self.since = None
            return None
        if self.since is None or own.steps != self.steps:
            self.since, self.steps = now, own.steps
        limits = chat.limits
        if now - self.since > limits.stall_timeout_s + 1 and chat.state is EngineState.READY:
            return f"the engine has stood still for {now - self.since:g} s and takes turns"
        return None


@define(eq=False)
class Room:
    """`held`: turns with a place at the last moment of rest; `accepted`, `over`: turns that had been acked, ended."""

    held: set[tuple[int, int]] = field(factory=set)
    accepted: int = 0
    over: int = 0

    def room(self, world: World) -> str | None:
        """A turn is refused for want of room only if others had taken all of it."""
        chat, books = world.parts.chat, world.ledger.accountant
        if chat is None:
            return None
        ended, self.over = books.ended[self.over :], len(books.ended)
        accepted = len(books.ended) + len(books.open)
        newcomers, self.accepted = accepted - self.accepted, accepted
        before, self.held = self.held, _held(world)
        for over in ended:
            if over.reason != "engine_queue_full":
                continue
            others = len(before - {(over.session, over.turn)}) + newcomers - ((over.session, over.turn) not in before)
            if others < chat._admission.limit:
                return f"{over.request_id} was refused: {others} others, {chat._admission.limit} places"
        return None


def _held(world: World) -> set[tuple[int, int]]:
    chat = world.parts.chat
    assert chat is not None
    return {
        (connection.actor.number, turn.number)
        for connection in world.server.connections
        if (turn := connection.actor._turn) is not None
        and turn.exchange is not None
        and turn.exchange._reply_to in chat._admission._held
    }


__all__ = ["Room", "Stalls", "deadline", "one_engine", "readiness", "restarts", "retry_in"]
