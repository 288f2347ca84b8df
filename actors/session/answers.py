"""What a session says to its client, frame by frame, with the ids that each frame echoes."""

from datetime import datetime

from attrs import define

from actors.session import effects as do
from actors.session import events as ev
from actors.session.outbox import Outbox, milliseconds
from actors.session.turn import Turn
from actors.session.verdict import End
from engines.base import Usage
from protocol import frames
from protocol.errors import UNKNOWN_ID, PeerProtocolError, invalid_payload
from protocol.frames import Address, Frame

SCREENSHOT = {"name": "take_screenshot"}
DAY_PARTS = ((5, "night"), (12, "morning"), (17, "afternoon"), (22, "evening"), (24, "night"))
"""Day parts by the hour at which they end."""


@define
class Answers:
    """Builds frames and puts them into the outbox. `session_id`: the bound one, for frames nobody asked for."""

    outbox: Outbox
    session_id: str = UNKNOWN_ID

    def address(self, turn: ev.TurnRequested) -> Address:
        """The ids of a turn's frames."""
        return Address(turn.session_id, turn.request_id)

    def ack(self, turn: ev.TurnRequested, played: bool | None) -> None:
        """A turn frame was accepted."""
        payload: dict[str, object] = {"for": turn.kind.value, "ok": True}
        if turn.opening is not None:
            persona = turn.opening.profile.persona
            payload |= {
                "now": spoken_time(turn.opening.profile.started),
                "gender": persona.gender,
                "personality": persona.personality,
                "chat_prompt": persona.chat_prompt is not None,
            }
            if (imported := turn.opening.imported) is not None:
                payload["history"] = {
                    "input_messages": imported.input_messages,
                    "input_turns": imported.input_turns,
                    "retained_turns": imported.retained_turns,
                    "trimmed": imported.trimmed,
                    "history_tokens": imported.history_tokens,
                }
        if turn.payload.locked:
            payload["persona"] = "locked"
        self.outbox.put(Frame("ack", self.address(turn), payload | _played(played)))

    def toolcall(self, turn: ev.TurnRequested, routed: ev.Routed) -> None:
        """The router's decision."""
        raw = [SCREENSHOT] if routed.yes else []
        self.outbox.put(frames.toolcall(self.address(turn), yes=routed.yes, raw=raw, score=routed.score))

    def done(self, turn: Turn, text: str, reason: str, now: float) -> None:
        """The turn's regular end: `final`, then `done`."""
        address, request = self.address(turn.request), turn.request
        route = turn.route
        timings = {
            "queue_ms": None if turn.submitted_at is None else milliseconds(turn.submitted_at - request.read_at),
            "route_ms": None if route is None else milliseconds(route.seconds),
            "ttft_ms": None,
            "total_ms": milliseconds(now - request.read_at),
        }
        payload = {"usage": _usage(turn.usage), "finish_reason": reason, "timings": timings}
        self.outbox.put(Frame("final", address, {"normalized_text": text}), ends=True)
        self.outbox.put(Frame("done", address, payload), turn=turn.number, read_at=request.read_at, ends=True)

    def cancelled(self, effect: do.ReportCancelled, usage: Usage, played: bool | None) -> None:
        """A turn's end by a cancel, a barge-in or a shutdown."""
        payload = {"reason": effect.reason, "usage": _usage(usage), "turn": effect.turn.request_id}
        address = Address(effect.session_id, effect.request_id)
        self.outbox.put(Frame("cancelled", address, payload | _played(played)), ends=True)

    def not_running(self, cancel: ev.CancelRequested, played: bool | None) -> None:
        """A cancel that stopped nothing."""
        payload: dict[str, object] = {"reason": "not_running", "usage": None, "turn": None}
        self.outbox.put(Frame("cancelled", Address(cancel.session_id, cancel.request_id), payload | _played(played)))

    def busy(self, turn: Turn, reason_code: str, retry_in: int) -> None:
        """The engine did not take the turn; its user message is not remembered."""
        problem = PeerProtocolError(
            "server_busy",
            reason_code,
            f"The model cannot take this turn now; send it again in {retry_in} s.",
            details={"retry_in": retry_in},
        )
        self._failed(turn, problem)

    def text_refused(self, turn: Turn, reason_code: str) -> None:
        """The model's chat template does not take the text of this turn; it is not remembered."""
        message = (
            f"The model's chat template does not take this '{reason_code.removeprefix('invalid_')}'; "
            "say it in other words: sending it again does not help."
        )
        self._failed(turn, invalid_payload(reason_code, message))

    def empty(self, turn: Turn) -> None:
        """There is nothing left to say."""
        message = "The model produced no speakable text; rephrase, or send sanitize_output false to see the raw text."
        self._failed(turn, PeerProtocolError("internal_error", "empty_model_output", message))

    def failed(self, turn: Turn, end: End) -> None:
        """The generation timed out or broke. What exactly the engine said is for the log, not for the client."""
        if end is End.TIMED_OUT:
            message = "The reply took too long and was stopped; ask for less, or raise GEN_TIMEOUT_S."
            self._failed(turn, PeerProtocolError("internal_error", "generation_timeout", message))
        else:
            message = "The model failed on this turn; the session goes on, send the turn again."
            self._failed(turn, PeerProtocolError("internal_error", "engine_error", message))

    def pong(self, ping: ev.PingReceived) -> None:
        """Answer a ping, ids echoed."""
        self.outbox.put(Frame("pong", Address(ping.session_id, ping.request_id)))

    def refused(self, error: PeerProtocolError) -> None:
        """A client frame was refused."""
        frame = frames.error(Address(error.session_id, error.request_id), error)
        self.outbox.put(frame, ends=error.close_code is not None)

    def goodbye(self, effect: do.SayGoodbye) -> None:
        """The session is over."""
        address = Address(effect.session_id or self.session_id, effect.request_id or UNKNOWN_ID)
        self.outbox.put(Frame("session_end", address, {"reason": effect.reason}), ends=True)

    def _failed(self, turn: Turn, problem: PeerProtocolError) -> None:
        self.outbox.put(frames.error(self.address(turn.request), problem, _usage(turn.usage)), ends=True)


def spoken_time(moment: datetime) -> str:
    """ISO time in UTC with weekday and day part in words: `2026-05-04T18:30:00Z Monday evening`."""
    part = next(name for end, name in DAY_PARTS if moment.hour < end)
    return f"{moment:%Y-%m-%dT%H:%M:%S}Z {moment:%A} {part}"


def _usage(usage: Usage) -> dict[str, object]:
    return frames.usage(usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens)


def _played(played: bool | None) -> dict[str, object]:
    return {} if played is None else {"played": "applied" if played else "unknown_turn"}


__all__ = ["Answers", "spoken_time"]
