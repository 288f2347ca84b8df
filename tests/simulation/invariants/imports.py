"""What becomes of a history that a client brings, and what its ack says of it."""

from typing import Any

from attrs import define, field

from actors.connection import Connection
from tests.memory import Remembered
from tests.referee import Message
from tests.simulation.imports import Scale, grouped, imported
from tests.simulation.world import World

REFUSALS = ("invalid_history", "history_too_large")


@define(eq=False)
class Imports:
    """`seen`: how many frames of each session have been looked at; `bound`: sessions that had their first ack."""

    seen: dict[int, int] = field(factory=dict)
    bound: set[int] = field(factory=set)

    def imports(self, world: World) -> str | None:
        """Good histories of first starts are taken and counted, bad ones refused, those of later starts not read."""
        for session, connection in world.connections.items():
            client = world.client_of(connection)
            written, seen = client.link.hearing.messages, self.seen.get(session, 0)
            self.seen[session] = len(written)
            for frame in written[seen:]:
                wrong = self._wrong(world, session, frame)
                if frame["type"] == "ack":
                    self.bound.add(session)
                if wrong is not None:
                    return f"{client.name}: {frame['request_id']}: {wrong}"
        return None

    def _wrong(self, world: World, session: int, frame: Message) -> str | None:
        connection, payload = world.connections[session], frame["payload"]
        client, name = world.client_of(connection), frame["request_id"]
        brought, reason = client.said.get(name, {}).get("history"), client.brought.get(name, "")
        is_first = session not in self.bound
        if frame["type"] == "error":
            code = payload["details"]["reason_code"]
            expected = reason if is_first else ""
            return None if code not in REFUSALS or code == expected else f"refused with {code}, it was {expected!r}"
        if frame["type"] != "ack":
            return None
        if is_first and reason:
            return f"a history that is {reason} was taken"
        told = payload.get("history")
        if not is_first or brought is None:
            return None if told is None else f"told {told} of a history that is not read"
        expected_ack = _ack(brought, scale_of(world, connection))
        return None if told == expected_ack else f"told {told} of a history, not {expected_ack}"


def scale_of(world: World, connection: Connection) -> Scale:
    """How a session that has begun weighs what it remembers."""
    profile, site = connection.actor.memory.profile, world.process.site
    assert site is not None
    measure, routing = profile.measure, site.routing
    if measure is None or profile.trim is None:
        assert routing is not None
        return Scale(
            count=routing.count,
            cut=routing.cut_end,
            target=None,
            newline=routing.newline_tokens,
            budget=routing.budget,
        )
    return Scale(
        count=measure.count,
        cut=measure.cut,
        target=profile.trim.target,
        user=measure.per_message + measure.check_tokens,
        assistant=measure.per_message,
    )


def _ack(history: list[Any], scale: Scale) -> Message:
    turns, kept = grouped(history), imported(history, scale)
    counted = turns if scale.target is not None else [turn for turn in turns if turn[0][0] == "user"]
    return {
        "input_messages": len(history),
        "input_turns": len(turns),
        "retained_turns": len({each.turn for each in kept}),
        "trimmed": len({each.turn for each in kept}) < len(counted),
        "history_tokens": sum(map(scale.cost, kept)),
    }


def brought(world: World, connection: Connection, frame: Message) -> list[Remembered]:
    """What a session remembers of the history that its first ack speaks of."""
    if "history" not in frame["payload"]:
        return []
    history = world.client_of(connection).said[frame["request_id"]]["history"]
    return imported(history, scale_of(world, connection))


__all__ = ["Imports", "brought", "scale_of"]
