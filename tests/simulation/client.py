"""A simulated client: follows its steps, hears what the server says, and has a referee watch both."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from attrs import define, field

from tests.referee import TURNS, Message, Referee
from tests.simulation.doors import DOORS
from tests.simulation.hearing import Heard
from tests.simulation.judge import Judge
from tests.simulation.network import Network
from tests.simulation.plan import Payload, Step
from tests.simulation.speaker import Speaker
from tests.simulation.trace import short
from tooling.benchmarks.bystander.frames import PONG, upgrade

PATIENCE_S = 40.0
"""How long a step waits for what it waits for before it is done all the same."""
TERMINAL = ("token", "final", "done", "toolcall")

TOLD = (1001, 1008, 1011, 4000)
"""Close codes before which a running turn is told its end."""

Deed = Callable[["Client", Step], None]


@define(eq=False, kw_only=True)
class Client(Speaker):
    """`frames`, `said`: what it heard, and the payloads it said by request id, as `tests.memory` wants them.

    `may_close`: whether a close code may come that it has not earned, for what happened to the server. `ponged`:
    payloads of the WebSocket's pongs. `parting`: happens when what it said last arrives. `before`: whose conversation
    it goes on with. `brought`: for which reason each history that it brought is refused, "" for a good one.
    """

    deeds: dict[str, Deed]
    key: str
    referee: Referee
    judge: Judge
    network: Network
    may_close: Callable[[int, int, int], bool]
    frames: list[Message] = field(factory=list)
    said: dict[str, Message] = field(factory=dict)
    status: int = 0
    closed: tuple[int, str] | None = None
    mute: bool = False
    newest: str = ""
    ponged: list[bytes] = field(factory=list)
    parting: Callable[[], None] | None = None
    before: "Client | None" = None
    brought: dict[str, str] = field(factory=dict)
    _at: int = 0
    _number: int = 0
    _step: int = 0

    @property
    def _session(self) -> str:
        return f"s-{self.plan.follows or self.name}"

    @property
    def finished(self) -> bool:
        """Whether it has nothing more to do by itself."""
        return self._at >= len(self.plan.steps) or self.state == "over"

    @property
    def settled(self) -> bool:
        """Whether nothing is owed to it, as far as it knows."""
        referee = self.referee
        return self.state == "over" or not (referee.open or referee.unanswered or referee.reused.total())

    # -- talking -------------------------------------------------------------------------------------------------------

    def arrive(self) -> None:
        """Connect, and ask for a WebSocket."""
        self.state = "opening"
        self.note(f"connects ({self.plan.door})")
        if self.plan.door in DOORS:
            self.gone = self.plan.door
            self.send(DOORS[self.plan.door])
            return
        key = {"wrong": "wrong-key", "none": None}.get(self.plan.door, self.key)
        if key != self.key:
            self.earn(1008)
        offer = [("Sec-WebSocket-Extensions", self.deflating.offer.header)] if self.deflating else []
        self.send(upgrade(key, offer))
        if self.plan.eager:
            self.state = "open"
            self._proceed()

    def say(self, kind: str, payload: Payload, *, request_id: str = "", session_id: str = "", pieces: int = 1) -> str:
        """Send a frame, in so many pieces; its request id, a fresh one unless it is given."""
        self._number += 1
        name = request_id or f"{self.name}.{self._number}"
        message = {"type": kind, "session_id": session_id or self._session, "request_id": name, "payload": payload}
        foreign = bool(session_id and self.referee.turns)  # once it has a session, it may speak of no other
        known = kind in (*TURNS, "cancel", "end", "ping", "pong") and not foreign
        self.referee.said(kind if known else "garbage", name)
        self.said.setdefault(f"cancel {name}" if kind == "cancel" and request_id else name, payload)
        if kind in TURNS:
            self.newest = name
        self.note(f"> {kind} {name} {short(payload)}")
        self.say_pieces(json.dumps(message, ensure_ascii=False).encode(), pieces)
        return name

    def leave(self, how: str) -> None:
        """Be gone: "reset", "fin" or "silent"."""
        self.note(f"is gone ({how})")
        self.gone = self.gone or how
        {"reset": self.link.reset, "fin": self.link.end, "silent": self.link.vanish}[how]()
        if how != "fin":
            self.finish("gone")

    def turn_back(self, back: int) -> str:
        """The id of the turn so many before the newest that was acked; one nobody knows if there is none."""
        turns = list(self.referee.turns)
        return turns[-1 - back] if back < len(turns) else f"{self.name}.never"

    # -- hearing -------------------------------------------------------------------------------------------------------

    def hears(self, heard: Heard) -> None:
        """Something of the server's was read."""
        match heard.kind:
            case "head":
                self.status = heard.status
                self.note(f"< HTTP {heard.status}")
                if heard.status != 101:
                    self.state = "closing"
                    return
                self.squeezes = self.deflating is not None and self.deflating.agreed
                if self.state == "opening":
                    self.state = "open"
                    self._proceed()
            case "text":
                self._hear(heard.message)
            case "ping" if not self.mute and self.state != "over":
                self.say_raw(heard.payload, PONG)
            case "pong":
                self.ponged.append(heard.payload)
            case "close":
                self.closed = (heard.status, heard.reason)
                self.note(f"< close {heard.status} {heard.reason}")
                self._judge_close(heard.status)
                if not self.mute:
                    self.say_close(heard.status if heard.status != 1005 else 1000)
                    self.state = "closing"

    def over(self, how: str) -> None:
        """Nothing more comes of the server."""
        if self.state != "over":
            self.note(f"< {how}")
            self.link.end()
            self.finish(how)

    def finish(self, how: str) -> None:
        """It has no connection any more."""
        if self.state != "over":
            self.state = "over"
            # Who does not read cannot know that the server has closed, and goes on sending.
            # Whom the close frame has reached, a reset costs nothing.
            innocent = not (self.gone or self.closed or self.link.refused or self.link.paused)
            if how == "reset" and innocent and not self.may_close(1006, self._sent, self._largest):
                self.judge.broken("polite-close", f"{self.name} was reset, although it had done nothing")

    def _judge_close(self, code: int) -> None:
        if code not in self.codes and not self.may_close(code, self._sent, self._largest):
            self.judge.broken("close-code", f"{self.name} was closed with {code}, for nothing it did")
        if code in TOLD and self.referee.open is not None:
            self.judge.broken("one-terminal", f"{self.name}: closed with {code} while {self.referee.open} is open")

    def _hear(self, message: dict[str, Any]) -> None:
        kind, name, payload = message["type"], message["request_id"], message["payload"]
        self.note(f"< {kind} {name} {short(payload)}")
        turn = self.referee.turns.get(name if kind != "cancelled" else payload.get("turn") or "")
        if turn is not None and turn.end is not None and (kind in TERMINAL or "usage" in payload):
            self.judge.broken("one-terminal", f"{self.name}: {kind} of {name} after its {turn.end['type']}")
        try:
            self.referee.heard(message)
        except AssertionError as error:
            self.judge.broken("frame-order", f"{self.name}: {kind} {name}: {error}")
        self.frames.append(message)
        self._proceed()

    # -- steps ---------------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Follow the steps; called once, when the connection is made."""
        self.arrive()
        self.network.after(PATIENCE_S, partial(self._impatient, self._at))

    def _proceed(self) -> None:
        """Do the next step if what it waits for is here."""
        if self._step != self._at or self.finished or self.state not in ("open", "closing"):
            return
        step = self.plan.steps[self._at]
        if self._ready(step.wait):
            self._step += 1
            self.network.after(step.after_s, partial(self._do, step))

    def _ready(self, wait: str) -> bool:
        if not wait or self.state == "closing":
            return True
        turn = self.referee.turns.get(self.newest)
        if turn is None:
            return self.newest not in self.referee.unanswered  # refused, or never said
        return wait == "ack" or turn.end is not None or (wait == "token" and bool(turn.text))

    def _do(self, step: Step) -> None:
        if self.state == "over":
            return
        self._at += 1
        self._step = self._at
        self.deeds[step.do](self, step)
        if self.parting is not None and self._at == len(self.plan.steps):
            self.link.with_the_last(self.parting)
        self.network.after(PATIENCE_S, partial(self._impatient, self._at))
        self._proceed()

    def _impatient(self, at: int) -> None:
        if self._at == at and self._step == at and not self.finished and self.state == "open":
            self._step += 1
            self._do(self.plan.steps[at])


__all__ = ["PATIENCE_S", "Client", "Deed"]
