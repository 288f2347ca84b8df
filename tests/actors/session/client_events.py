"""Events that a client causes: it asks for a turn, it cancels one."""

from actors.session import events as ev
from actors.session.events import TurnKind
from actors.session.history import HistoryMessage, Kind
from protocol.turns import TurnPayload


def turn(number: int, *, routed: bool = False) -> ev.TurnRequested:
    message = HistoryMessage(kind=Kind.UTTERANCE, text="hi", turn=number, cost=1)
    return ev.TurnRequested(
        turn=number,
        kind=TurnKind.MESSAGE,
        session_id="s",
        request_id=f"r{number}",
        payload=TurnPayload(text="hi"),
        message=message,
        routed=routed,
    )


def cancel(request_id: str = "new", *, used: bool = False) -> ev.CancelRequested:
    return ev.CancelRequested(session_id="s", request_id=request_id, reason="client_request", used=used)


__all__ = ["cancel", "turn"]
