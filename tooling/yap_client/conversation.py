"""The core: one talk with a server, over as many connections as it takes. No I/O, no clock, no dice.

It makes the frames to send, reads those that come, and knows of every turn what became of it. Time is handed in;
`fresh` makes ids. What is late, of a turn that is over or of nobody's, is told to the observer and changes nothing.
"""

from collections.abc import Callable

from .errors import ConnectionLost, ProtocolFault, ServerError
from .events import (
    Ack,
    Cancelled,
    Complaint,
    Decision,
    Done,
    Ending,
    Event,
    Failed,
    Final,
    Lost,
    Pong,
    SessionEnd,
    Timings,
    Token,
    Unknown,
    Usage,
    error_of,
    score_of,
)
from .heard import Memory
from .opening import Message, Sampling, Setup
from .records import TurnRecord
from .wire import Incoming, decode, encode

NOBODY = "unknown"
"""What stands for an id where the server could read none."""

NEVER_HAPPENED = frozenset({"server_busy", "invalid_payload", "invalid_message", "invalid_settings", "rate_limited"})
"""Errors of a turn that the server's history forgets again."""


class Conversation:
    """`session_id` is "" while there is no connection. `refusal`: why the server turned this connection away."""

    def __init__(self, setup: Setup, fresh: Callable[[str], str]) -> None:
        self.setup = setup
        self.session_id = ""
        self.bound = False
        self.refusal: ServerError | None = None
        self.farewell: SessionEnd | None = None
        self.latest: TurnRecord | None = None
        self.open: dict[str, TurnRecord] = {}
        self.pings: set[str] = set()
        self._fresh = fresh
        self._memory = Memory(setup.history)
        self._sampling = dict(setup.sampling or {})

    def connected(self) -> None:
        """There is a new connection, and with it a new session."""
        self.session_id = self._fresh("session")
        self.bound = False
        self.refusal = self.farewell = self.latest = None
        self.pings.clear()

    def lost(self, error: ConnectionLost | ProtocolFault, now: float) -> None:
        """The connection is gone. A turn that was acked ends; one that was not stays open, and may be sent again."""
        self.session_id = ""
        self.bound = False
        for record in list(self.open.values()):
            if record.ack is not None:
                self._ended(record, Lost(request_id=record.request_id, at=now, error=error))
            record.wake()

    def history(self) -> tuple[Message, ...]:
        """What was said, as it was heard."""
        for record in self.open.values():
            record.exchange.reply = record.text
        return self._memory.messages()

    def turn(self, kind: str, text: str, sampling: Sampling | None, now: float) -> tuple[TurnRecord, str]:
        """A new turn and its frame; a running one is thereby interrupted. `kind`: `message` or `followup`.

        The first message of a connection becomes its `start`. Raises `ValueError` for values that JSON has not.
        """
        record = TurnRecord(request_id=self._fresh(kind), kind=kind, said=text, sampling=sampling, sent_at=now)
        return record, self._frame(record)

    def again(self, record: TurnRecord, now: float) -> str:
        """The frame of the same turn once more, with an id of its own."""
        self.open.pop(record.request_id, None)
        record.begins_again(self._fresh(record.kind), now)
        return self._frame(record)

    def give_up(self, record: TurnRecord, error: ConnectionLost | ProtocolFault, now: float) -> None:
        """A turn whose connection is gone is not sent again."""
        if record.ending is None:
            self._ended(record, Lost(request_id=record.request_id, at=now, error=error))

    def cancel(self, record: TurnRecord, reason: str | None) -> str:
        """The frame that stops a turn. It has the turn's own id: it can stop no other."""
        payload: dict[str, object] = {"reason": reason or "client_request"}
        return self._encode("cancel", record.request_id, payload | self._played())

    def ping(self) -> tuple[str, str]:
        """An id and the frame that carries it; the id stands in `pings` until it is answered."""
        request_id = self._fresh("ping")
        self.pings.add(request_id)
        return request_id, self._encode("ping", request_id, {})

    def end(self) -> str:
        """The frame that ends the session."""
        return self._encode("end", self._fresh("end"), {})

    def receive(self, message: str | bytes, now: float) -> Event:
        """Read one frame. Raises `ProtocolFault`; the connection is then of no use."""
        frame = decode(message, now)
        read = READERS.get(frame.type)
        if read is None:
            return Unknown(request_id=frame.request_id, at=now, type=frame.type)
        event = read(frame)
        if isinstance(event, Pong):
            self.pings.discard(event.request_id)
        elif isinstance(event, SessionEnd):
            self.farewell = event
        elif isinstance(event, Failed):
            return self._error(event)
        else:
            self._of_turn(event)
        return event

    def _frame(self, record: TurnRecord) -> str:
        payload: dict[str, object] = {}
        name = record.kind
        if record.kind == "followup":
            payload["analysis_text"] = record.said
        else:
            name = "message" if self.bound else "start"
            payload["user_utterance"] = record.said
            overrides = record.sampling if self.bound else {**self._sampling, **(record.sampling or {})}
            if overrides:
                payload["sampling"] = dict(overrides)
            payload |= self._played()
        if name == "start":
            payload |= self.setup.persona()
            told = self._memory.messages()
            payload["history"] = [{"role": message.role, "content": message.content} for message in told]
        text = self._encode(name, record.request_id, payload)
        self.open[record.request_id] = record
        return text

    def _encode(self, kind: str, request_id: str, payload: dict[str, object]) -> str:
        return encode(kind, self.session_id, request_id, payload)

    def _played(self) -> dict[str, object]:
        """What was heard of the newest turn, if anybody said so. To say it twice does no harm."""
        latest = self.latest
        if latest is None or latest.exchange.heard is None:
            return {}
        return {"played": {"request_id": latest.request_id, "chars": latest.exchange.heard}}

    def _error(self, event: Failed) -> Event:
        """An error ends a turn if it has `usage`, refuses one that was not acked, and else is about something else."""
        record = self.open.get(event.request_id)
        if event.request_id == NOBODY:
            self.refusal = event.error
            for waiting in [one for one in self.open.values() if one.ack is None]:
                self._ended(waiting, event)
            return event
        if record is not None and (event.usage is not None or record.ack is None):
            self._ended(record, event)
            return event
        if record is not None:
            record.complaint = event.error
            record.wake()
        return Complaint(request_id=event.request_id, at=event.at, error=event.error)

    def _of_turn(self, event: Event) -> None:
        if isinstance(event, Cancelled):
            record = self.open.get(event.turn or "") or self.open.get(event.request_id)
            if record is not None and event.reason != "not_running":
                self._ended(record, event)
            return
        record = self.open.get(event.request_id)
        if record is None:
            return
        if isinstance(event, Ack):
            if record.ack is not None:
                return
            record.ack = event
            self._taken(record)
        elif isinstance(event, Decision):
            if record.decision is not None or record.tokens:
                return
            record.decision = event
        elif isinstance(event, Final):
            if record.final is not None:
                return
            record.final = event
        elif isinstance(event, Done):
            self._ended(record, event)
            return
        elif isinstance(event, Token) and not event.text:
            return
        record.put(event)
        record.wake()

    def _taken(self, record: TurnRecord) -> None:
        self.bound = True
        self.latest = record
        self._memory.add(record.exchange)
        for name, value in (record.sampling or {}).items():
            if value is None:
                self._sampling.pop(name, None)
            else:
                self._sampling[name] = value

    def _ended(self, record: TurnRecord, ending: Ending) -> None:
        self.open.pop(record.request_id, None)
        record.ending = ending
        record.exchange.reply = record.text
        if isinstance(ending, Failed) and ending.error.code in NEVER_HAPPENED:
            self._memory.take_back(record.exchange)
        record.put(ending)
        record.wake()


def _ack(frame: Incoming) -> Event:
    return Ack(request_id=frame.request_id, at=frame.at, details=frame.payload)


def _decision(frame: Incoming) -> Event:
    raw = frame.payload.get("raw")
    calls = tuple(call for call in raw if isinstance(call, dict)) if isinstance(raw, list) else ()
    yes, score = frame.text("status") == "yes", score_of(frame.payload.get("score"))
    return Decision(request_id=frame.request_id, at=frame.at, yes=yes, score=score, raw=calls)


def _token(frame: Incoming) -> Event:
    return Token(request_id=frame.request_id, at=frame.at, text=frame.text("text"))


def _final(frame: Incoming) -> Event:
    return Final(request_id=frame.request_id, at=frame.at, text=frame.text("normalized_text"))


def _done(frame: Incoming) -> Event:
    return Done(
        request_id=frame.request_id,
        at=frame.at,
        usage=Usage.of(frame.payload.get("usage")) or Usage(),
        finish_reason=frame.text("finish_reason"),
        timings=Timings.of(frame.payload.get("timings")),
    )


def _cancelled(frame: Incoming) -> Event:
    return Cancelled(
        request_id=frame.request_id,
        at=frame.at,
        reason=frame.text("reason"),
        turn=frame.text("turn") or None,
        usage=Usage.of(frame.payload.get("usage")),
        played=frame.text("played") or None,
    )


def _failed(frame: Incoming) -> Event:
    usage = Usage.of(frame.payload.get("usage"))
    return Failed(request_id=frame.request_id, at=frame.at, error=error_of(frame.payload), usage=usage)


def _pong(frame: Incoming) -> Event:
    return Pong(request_id=frame.request_id, at=frame.at)


def _session_end(frame: Incoming) -> Event:
    return SessionEnd(request_id=frame.request_id, at=frame.at, reason=frame.text("reason"))


READERS: dict[str, Callable[[Incoming], Event]] = {
    "ack": _ack,
    "toolcall": _decision,
    "token": _token,
    "final": _final,
    "done": _done,
    "cancelled": _cancelled,
    "error": _failed,
    "pong": _pong,
    "session_end": _session_end,
}

__all__ = ["Conversation"]
