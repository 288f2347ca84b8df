"""Liveness and readiness: alive is the process, ready is that a turn sent now would be served."""

from http import HTTPStatus

from attrs import define

from actors.engine import EngineActor, EngineState
from runtime.heads import Answer

ALIVE = Answer(HTTPStatus.OK, {"status": "ok"})


@define(eq=False)
class Health:
    """What `/readyz` says. `progress`: the latest line of whatever is loading."""

    chat: EngineActor | None = None
    router_ready: bool = True
    draining: bool = False
    progress: str = "starting"

    def reason(self) -> str | None:
        """Why the server is not ready, or None if it is."""
        if self.draining:
            return "shutting down"
        if self.chat is not None and self.chat.state is not EngineState.READY:
            if self.chat.state is EngineState.STALLED:
                return f"the chat engine makes no progress: {self.chat.trouble}"
            return f"the chat engine is not up: {self.progress}"
        if not self.router_ready:
            return f"the tool model is not up: {self.progress}"
        return None

    def answer(self) -> Answer:
        """The response of `/readyz`."""
        reason = self.reason()
        if reason is None:
            return Answer(HTTPStatus.OK, {"status": "ready"})
        return Answer(HTTPStatus.SERVICE_UNAVAILABLE, {"status": "not_ready", "reason": reason})


__all__ = ["ALIVE", "Health"]
