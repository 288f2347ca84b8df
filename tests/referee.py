"""The protocol as a referee sees it: watches both directions of one connection and objects to the first wrong frame.

It knows the order tables, that every acked turn has one terminal frame and nothing after it, and that every frame of
the client that deserves an answer gets exactly one.
"""

import enum
from collections import Counter
from typing import Any

from attrs import define, field

Message = dict[str, Any]
KEYS = ["type", "session_id", "request_id", "payload"]
TURNS = ("start", "message", "followup")
ANSWERS = {"ping": "pong", "end": "session_end", "cancel": "cancelled", **dict.fromkeys(TURNS, "ack")}
USAGE = {"prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens"}
TIMINGS = {"queue_ms", "route_ms", "ttft_ms", "total_ms"}


class Mode(enum.Enum):
    """What the server under test serves."""

    CHAT = "chat"
    BOTH = "both"
    TOOL = "tool"


@define
class Account:
    """What was seen of one acked turn."""

    kind: str
    routed: bool
    text: str = ""
    decided: bool = False
    final: str | None = None
    end: Message | None = None


@define
class Referee:
    """Give it every frame that is sent (`said`) and received (`heard`).

    `open`: the acked turn without an end. `unanswered`: kinds of the frames that were sent under an id.
    """

    mode: Mode = Mode.CHAT
    turns: dict[str, Account] = field(factory=dict)
    open: str | None = None
    unanswered: dict[str, list[str]] = field(factory=dict)
    reused: Counter[str] = field(factory=Counter)
    over: bool = False

    def said(self, kind: str, request_id: str) -> None:
        """The client sent a well-formed frame that deserves an answer."""
        if kind in TURNS and (request_id in self.turns or set(TURNS) & {*self.unanswered.get(request_id, ())}):
            self.reused[request_id] += 1
        elif kind != "pong":
            self.unanswered.setdefault(request_id, []).append(kind)

    def heard(self, frame: Message) -> None:
        """The client got a frame."""
        assert list(frame) == KEYS, f"envelope keys {list(frame)}"
        payload = frame["payload"]
        assert not set(KEYS) & set(payload), "an envelope key inside a payload"
        assert not self.over, f"{frame['type']} after session_end"
        getattr(self, f"_{frame['type']}")(frame["request_id"], payload, frame)

    def settled(self) -> None:
        """Nothing is under way any more: no turn is open and nothing was left without an answer."""
        assert self.open is None, f"turn {self.open} has no terminal frame"
        assert not self.unanswered, f"never answered: {self.unanswered}"
        assert not self.reused.total(), f"duplicates that were not refused: {self.reused}"

    def _answer(self, request_id: str, *kinds: str) -> str:
        assert request_id in self.unanswered, f"an answer to {request_id}, which nobody asked (or twice)"
        asked = self.unanswered[request_id]
        kind = next((each for each in asked if each in kinds), None)
        assert kind is not None, f"{asked} {request_id} was answered as if it were one of {kinds}"
        asked.remove(kind)
        if not asked:
            del self.unanswered[request_id]
        return kind

    def _turn(self, request_id: str) -> Account:
        assert request_id == self.open, f"a frame of {request_id} while the open turn is {self.open}"
        return self.turns[request_id]

    def _close(self, request_id: str, frame: Message) -> None:
        turn = self._turn(request_id)
        assert turn.end is None
        turn.end, self.open = frame, None

    def _ack(self, request_id: str, payload: Message, _frame: Message) -> None:
        kind = self._answer(request_id, *TURNS)
        assert payload["for"] == kind
        assert payload["ok"] is True
        assert self.open is None, f"{request_id} was acked before {self.open} had ended"
        routed = self.mode is not Mode.CHAT and kind != "followup"
        self.turns[request_id], self.open = Account(kind, routed), request_id

    def _toolcall(self, request_id: str, payload: Message, _frame: Message) -> None:
        turn = self._turn(request_id)
        assert turn.routed, "a toolcall of a turn that is not routed"
        assert (turn.decided, turn.text) == (False, ""), "a second or late toolcall"
        yes = payload["status"] == "yes"
        assert payload == {
            "status": "yes" if yes else "no",
            "raw": [{"name": "take_screenshot"}] if yes else [],
            "score": payload["score"],
        }
        assert payload["score"] is None or 0 <= payload["score"] <= 1
        turn.decided = True

    def _token(self, request_id: str, payload: Message, _frame: Message) -> None:
        turn = self._turn(request_id)
        assert turn.decided or not turn.routed, "text before the router's decision"
        assert turn.final is None, "text after final"
        assert payload["text"], "an empty token frame"
        turn.text += payload["text"]

    def _final(self, request_id: str, payload: Message, _frame: Message) -> None:
        turn = self._turn(request_id)
        assert turn.final is None
        assert payload == {"normalized_text": turn.text}, "final is not the concatenation of the tokens"
        assert bool(turn.text) == (self.mode is not Mode.TOOL)
        turn.final = payload["normalized_text"]

    def _done(self, request_id: str, payload: Message, frame: Message) -> None:
        turn = self._turn(request_id)
        assert turn.final is not None, "done without final"
        assert set(payload) == {"usage", "finish_reason", "timings"}
        assert set(payload["timings"]) == TIMINGS
        assert (payload["timings"]["route_ms"] is not None) == turn.routed
        assert (payload["finish_reason"] == "tool") == (self.mode is Mode.TOOL)
        assert payload["finish_reason"] in ("stop", "length", "tool")
        _check_usage(payload["usage"])
        self._close(request_id, frame)

    def _cancelled(self, request_id: str, payload: Message, frame: Message) -> None:
        if payload["reason"] == "not_running":
            self._answer(request_id, "cancel")
            assert payload["turn"] is None
            return
        _check_usage(payload["usage"])
        assert payload["turn"] == self.open is not None, "a turn was cancelled that was not open"
        assert request_id == self.open or request_id not in self.turns, "a cancel of another turn stopped it"
        if payload["reason"] in ("barge_in", "server_shutdown", "internal_error", "message_rate_limited"):
            assert request_id == self.open
        else:
            self._answer(request_id, "cancel")
        self._close(payload["turn"], frame)

    def _error(self, request_id: str, payload: Message, frame: Message) -> None:
        assert payload["message"]
        assert payload["details"]["reason_code"]
        if "usage" in payload:
            assert payload["code"] in ("internal_error", "server_busy")
            _check_usage(payload["usage"])
            self._close(request_id, frame)
        elif payload["details"]["reason_code"] == "duplicate_request_id":
            assert self.reused[request_id] > 0, "refused as a duplicate, but it was not"
            self.reused[request_id] -= 1
        elif self._is_of_a_turn(payload) and self.reused[request_id] > 0:
            self.reused[request_id] -= 1  # before anybody looked whether it was one
        elif request_id != "unknown":
            # What no rate limit counts has a budget of bytes; over it the connection ends.
            uncounted = ("ping", "end") if payload["code"] == "rate_limited" else ()
            self._answer(request_id, *TURNS, "cancel", "garbage", *uncounted)

    @staticmethod
    def _is_of_a_turn(refusal: Message) -> bool:
        """Whether what a rate limit refused may have been a turn's frame: a cancel has a limit of its own."""
        reason: str = refusal["details"]["reason_code"]
        return bool(refusal["code"] == "rate_limited" and reason != "cancel_rate_limited")

    def _pong(self, request_id: str, payload: Message, _frame: Message) -> None:
        self._answer(request_id, "ping")
        assert payload == {}

    def _session_end(self, request_id: str, payload: Message, _frame: Message) -> None:
        if payload["reason"] == "client_request":
            self._answer(request_id, "end")
        else:
            assert payload["reason"] == "server_shutdown"
            assert self.open is None, "goodbye before the open turn had its terminal frame"
        self.over = True


def _check_usage(usage: Message) -> None:
    assert set(usage) == USAGE
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


__all__ = ["Account", "Message", "Mode", "Referee"]
