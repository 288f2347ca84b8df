"""The router's decision, as clients hear it: of the text that was asked about, and before anything goes wrong."""

from attrs import define, field

from tests.referee import Message
from tests.simulation.client import Client
from tests.simulation.router import LOOKS, score_of
from tests.simulation.world import World

GENERATED = ("engine_error", "generation_timeout", "empty_model_output")
"""How a turn ends that the engine had taken."""


@define(eq=False)
class Decisions:
    """`seen`: how many frames of each client have been looked at."""

    seen: dict[str, int] = field(factory=dict)

    def decision(self, world: World) -> str | None:
        """A decision that was made is that of the turn's own text; a failed generation comes after it."""
        for client in world.clients:
            news = client.frames[self.seen.get(client.name, 0) :]
            self.seen[client.name] = len(client.frames)
            for frame in news:
                wrong = _wrong(client, frame, world.turned_away)
                if wrong is not None:
                    return f"{client.name}: {wrong}"
        return None


def _wrong(client: Client, frame: Message, turned_away: set[str]) -> str | None:
    name, payload = frame["request_id"], frame["payload"]
    if frame["type"] == "toolcall" and payload["score"] is not None:
        said = str(client.said[name].get("user_utterance", "")).strip()
        looks = LOOKS in said.splitlines()[-1]
        if looks is not (payload["status"] == "yes"):
            return f"{payload['status']} ({payload['score']}) to {said!r}"
        if said.isascii() and "<" not in said and payload["score"] != score_of(said):  # read as it was said
            return f"the decision on another text ({payload['score']}) to {said!r}"
    ends = frame["type"] == "error" and "usage" in payload
    if ends and (payload["details"]["reason_code"] in GENERATED or name in turned_away):
        turn = client.referee.turns.get(name)
        if turn is not None and turn.routed and not turn.decided:
            return f"{name} failed before the router's decision was told"
    return None


__all__ = ["Decisions"]
