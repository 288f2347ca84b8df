"""Liveness and readiness: alive is the process, ready is that a turn sent now would be served."""

from http import HTTPStatus

from attrs import define

from actors.engine import EngineActor, EngineState
from runtime.access import Slots
from runtime.heads import Answer

ALIVE = Answer(HTTPStatus.OK, {"status": "ok"})


@define(eq=False)
class Health:
    """What `/readyz` says. `progress`, `router_progress`: what the chat engine and the tool model are at while they are
    not up. `routes`: whether a tool model is served at all. `slots`: those of connections.

    Slots that are all taken are no reason: whoever has one is served, and a newcomer is told that there is none.
    """

    chat: EngineActor | None = None
    routes: bool = False
    router_ready: bool = True
    draining: bool = False
    progress: str = "starting"
    router_progress: str = "starting"
    slots: Slots | None = None

    def reason(self) -> str | None:
        """Why the server is not ready, or None if it is."""
        if self.draining:
            return "shutting down"
        reasons = []
        if self.chat is not None and self.chat.state is EngineState.STALLED:
            reasons.append(f"the chat engine makes no progress: {self.chat.trouble}")
        if self.chat is not None and self.chat.state is EngineState.DOWN:
            reasons.append(f"the chat engine is not up: {self.progress}")
        if not self.router_ready:
            reasons.append(f"the tool model is not up: {self.router_progress}")
        return "; ".join(reasons) or None

    def answer(self) -> Answer:
        """The response of `/readyz`: all there is to know, ready or not, of the parts that are served."""
        reason = self.reason()
        body: dict[str, object] = {"status": "ready"} if reason is None else {"status": "not_ready", "reason": reason}
        body["draining"] = self.draining
        if self.chat is not None:
            body["engine"] = self._engine(self.chat)
        if self.routes:
            body["router"] = {"state": "ready"} if self.router_ready else _down(self.router_progress)
        if self.slots is not None:
            body["slots"] = {"taken": self.slots.taken, "limit": self.slots.limit}
        return Answer(HTTPStatus.OK if reason is None else HTTPStatus.SERVICE_UNAVAILABLE, body)

    def _engine(self, chat: EngineActor) -> dict[str, object]:
        """`pending`: requests that wait for its output; `silent_s`: since its last sign of life, while one is due."""
        if chat.state is EngineState.DOWN:
            return _down(self.progress)
        silent = chat.watch.silent_s
        trouble = {} if chat.trouble is None else {"trouble": chat.trouble}
        since = {} if silent is None else {"silent_s": round(silent, 1)}
        return {"state": chat.state.value, **trouble, "pending": chat.watch.requests.pending, **since}


def _down(progress: str) -> dict[str, object]:
    return {"state": "down", "progress": progress}


__all__ = ["ALIVE", "Health"]
