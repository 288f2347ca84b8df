"""At the end: who asked for raw text heard what the engine said to the request that its turn went by, and no more."""

from tests.simulation.client import Client
from tests.simulation.world import World

PLAIN = ("words", "long", "short")
"""Voices that say nothing a model's format or a stop string could be found in."""


def texts(world: World) -> str | None:
    """A complete reply is all of it, any other its beginning."""
    if world.plan.voice not in PLAIN:
        return None
    said = {name: "".join(texts) for engine in world.engines.made for name, texts in engine.said.items()}
    for client in world.clients:
        if not _is_raw(client):
            continue
        for name, turn in client.referee.turns.items():
            spoken = [said.get(each, "") for each in world.requests.get(name, ())][-1:] or [""]
            complete = turn.end is not None and turn.end["type"] == "done"
            if turn.text != spoken[0] if complete else not spoken[0].startswith(turn.text):
                return f"{client.name} heard {turn.text!r} of {name}, the engine said {spoken[0]!r}"
    return None


def _is_raw(client: Client) -> bool:
    first = next(iter(client.referee.turns), "")
    said = [payload.get("sampling") for payload in client.said.values()]
    wishes = [each["sanitize_output"] for each in said if isinstance(each, dict) and "sanitize_output" in each]
    return not any(wishes) and "sanitize_output" in (client.said.get(first, {}).get("sampling") or {})


__all__ = ["texts"]
