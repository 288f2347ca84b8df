"""What must hold of every frame of a connection, whatever the client does; no I/O, no clock."""

from collections.abc import Mapping

from attrs import define, field

from tooling.clients.failures import BadToolcall, ProtocolBreach
from tooling.yap_client.wire import Incoming

TURNS = frozenset({"start", "message", "followup"})
TERMINAL = frozenset({"done", "cancelled", "error"})
KNOWN = TERMINAL | {"ack", "toolcall", "token", "final", "pong", "session_end"}
USAGE_KEYS = ("prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens")
SHOWN_CHARS = 60
FINISH_REASONS = frozenset({"stop", "length", "tool"})


@define
class TurnState:
    """How far one turn has come, by the frames that were seen of it."""

    kind: str
    acked: bool = False
    routed: bool = False
    final: bool = False
    over: bool = False
    parts: list[str] = field(factory=list)


class FrameChecks:
    """The order and content rules of one connection. Feed it everything sent and received, in order."""

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        self.turns: dict[str, TurnState] = {}
        self.cancels: set[str] = set()
        self.others: set[str] = set()

    def sent(self, kind: str, request_id: str) -> None:
        """The client wrote a frame."""
        if kind in TURNS:
            self.turns[request_id] = TurnState(kind)
        elif kind == "cancel":
            self.cancels.add(request_id)
        else:
            self.others.add(request_id)

    def received(self, frame: Incoming) -> bool:
        """Check one frame; returns whether its type is known. Raises `ProtocolBreach`."""
        if frame.type == "error" and frame.request_id == "unknown":  # turned away, or a frame that could not be read
            return True
        if not (self.turns or self.cancels or self.others):
            raise ProtocolBreach(f"{shortened(frame.type)} came before the client's first frame")
        if frame.type not in KNOWN:
            return False
        if frame.type == "session_end":
            return True
        self._check_ids(frame)
        if frame.type == "cancelled":
            self._cancelled(frame)
        elif frame.request_id in self.turns:
            self._of_turn(frame, self.turns[frame.request_id])
        elif frame.type not in ("pong", "error"):
            raise ProtocolBreach(f"{frame.type!r} carries the id of a frame that was no turn")
        return True

    def _check_ids(self, frame: Incoming) -> None:
        if frame.session_id != self.session_id:
            raise ProtocolBreach(f"{frame.type!r} carries another session_id")
        if frame.request_id not in self.turns and frame.request_id not in self.cancels | self.others:
            raise ProtocolBreach(f"{frame.type!r} carries a request_id this client never used")

    def _cancelled(self, frame: Incoming) -> None:
        if frame.text("reason") == "not_running":  # answers a cancel that found nothing to stop
            return
        for request_id in {frame.request_id, frame.text("turn")} & self.turns.keys():
            if self.turns[request_id].over:
                raise ProtocolBreach("a second terminal frame ('cancelled') for one turn")
            self.turns[request_id].over = True

    def _of_turn(self, frame: Incoming, turn: TurnState) -> None:
        if turn.over and (frame.type != "error" or "usage" in frame.payload):
            raise ProtocolBreach(f"{frame.type!r} came after the turn's terminal frame")
        if frame.type == "ack":
            self._acked(frame, turn)
        elif frame.type == "error":
            # With `usage` it ends the turn, before the ack it refuses it; else it is about another frame of that id.
            turn.over = turn.over or "usage" in frame.payload or not turn.acked
        elif not turn.acked:
            raise ProtocolBreach(f"{frame.type!r} came before 'ack'")
        elif frame.type == "toolcall":
            _routed(frame, turn)
        elif frame.type == "token":
            _token(frame, turn)
        elif frame.type == "final":
            _final(frame, turn)
        elif frame.type == "done":
            _done(frame, turn)

    @staticmethod
    def _acked(frame: Incoming, turn: TurnState) -> None:
        if turn.acked:
            raise ProtocolBreach("a second 'ack' for one turn")
        if frame.payload.get("for") != turn.kind or frame.payload.get("ok") is not True:
            raise ProtocolBreach(f"'ack' does not confirm the {turn.kind!r} it answers")
        turn.acked = True


def shortened(value: object) -> str:
    """What a server made up, for an error: not all of it, it may have any length."""
    told = repr(value)
    return told if len(told) <= SHOWN_CHARS else f"{told[:SHOWN_CHARS]}…"


def _routed(frame: Incoming, turn: TurnState) -> None:
    if turn.routed or turn.kind == "followup":
        raise ProtocolBreach("a 'toolcall' where none may come")
    if turn.parts or turn.final:
        raise ProtocolBreach("'toolcall' came after the first 'token'")
    turn.routed = True
    status, raw = frame.payload.get("status"), frame.payload.get("raw")
    named = isinstance(raw, list) and all(isinstance(one, dict) and one.get("name") for one in raw)
    if status not in ("yes", "no") or not named or bool(raw) != (status == "yes"):
        raise BadToolcall(f"'toolcall' status {shortened(status)} and raw {shortened(raw)} do not agree")


def _token(frame: Incoming, turn: TurnState) -> None:
    if turn.final:
        raise ProtocolBreach("'token' came after 'final'")
    if not frame.text("text"):
        raise ProtocolBreach("a 'token' without text")
    turn.parts.append(frame.text("text"))


def _final(frame: Incoming, turn: TurnState) -> None:
    if turn.final:
        raise ProtocolBreach("a second 'final' for one turn")
    turn.final = True
    if frame.payload.get("normalized_text") != "".join(turn.parts):
        raise ProtocolBreach("'final' is not the concatenation of the turn's tokens")


def _done(frame: Incoming, turn: TurnState) -> None:
    if not turn.final:
        raise ProtocolBreach("'done' came before 'final'")
    turn.over = True
    usage = frame.payload.get("usage")
    if not isinstance(usage, Mapping) or not all(_counts(usage, key) for key in USAGE_KEYS):
        raise ProtocolBreach("'done' has no 'usage' in numbers")
    if frame.payload.get("finish_reason") not in FINISH_REASONS:
        raise ProtocolBreach(f"'done' has finish_reason {shortened(frame.payload.get('finish_reason'))}")


def _counts(usage: Mapping[object, object], key: str) -> bool:
    if key not in usage:
        return False
    value = usage[key]
    if value is None:
        return key == "cached_tokens"
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


__all__ = ["FrameChecks", "shortened"]
