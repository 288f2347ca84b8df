"""A simulated client: follows its steps, hears what the server says, and has a referee watch both."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import trio
from attrs import define, field

from tests.referee import TURNS, Message, Referee
from tests.simulation.doors import DOORS
from tests.simulation.hearing import Heard
from tests.simulation.judge import Judge
from tests.simulation.link import Link
from tests.simulation.network import Network
from tests.simulation.plan import ClientPlan, Payload, Step
from tests.simulation.trace import Trace
from tooling.benchmarks.bystander.frames import CLOSE, CONTINUATION, PING, PONG, TEXT, frame, upgrade

PATIENCE_S = 40.0
"""How long a step waits for what it waits for before it is done all the same."""
UNTOLD = ("message", "details", "timings", "chat_prompt")
TERMINAL = ("token", "final", "done", "toolcall")

TOLD = (1001, 1008, 1011, 4000)
"""Close codes before which a running turn is told its end."""

Deed = Callable[["Client", Step], None]


@define(eq=False)
class Client:
    """`frames`, `said`: what it heard, and the payloads it said by request id, as `tests.memory` wants them.

    `state`: "new", "opening", "open", "closing" (it has seen or said a close frame), "over". `gone`: it went away, or
    broke the protocol so that it may be sent away, on purpose. `codes`: close codes that it has earned; `may_close`:
    whether another one may come, for what happened to the server. `pinged`, `ponged`: payloads of the WebSocket's
    pings and pongs, the former with their times.
    `parting`: happens when what it said last arrives. `before`: whose conversation it goes on with. `brought`: for
    which reason each history that it brought is refused, "" for a good one.
    """

    plan: ClientPlan
    deeds: dict[str, Deed]
    key: str
    referee: Referee
    judge: Judge
    network: Network
    trace: Trace
    may_close: Callable[[int, int], bool]
    link: Link = field(init=False)
    frames: list[Message] = field(factory=list)
    said: dict[str, Message] = field(factory=dict)
    state: str = "new"
    status: int = 0
    closed: tuple[int, str] | None = None
    gone: str = ""
    mute: bool = False
    newest: str = ""
    pinged: list[tuple[float, bytes]] = field(factory=list)
    ponged: list[bytes] = field(factory=list)
    parting: Callable[[], None] | None = None
    before: "Client | None" = None
    brought: dict[str, str] = field(factory=dict)
    codes: set[int] = field(factory=set)
    _at: int = 0
    _number: int = 0
    _sent: int = 0
    _step: int = 0

    @property
    def name(self) -> str:
        """The plan's name of it."""
        return self.plan.name

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
            self.codes.add(1008)
        self.send(upgrade(key))
        if self.plan.eager:
            self.state = "open"
            self._proceed()

    def say(self, kind: str, payload: Payload, *, request_id: str = "", session_id: str = "", pieces: int = 1) -> str:
        """Send a frame, in so many pieces; its request id, a fresh one unless it is given."""
        self._number += 1
        name = request_id or f"{self.name}.{self._number}"
        message = {"type": kind, "session_id": session_id or self._session, "request_id": name, "payload": payload}
        self.referee.said(kind if kind in (*TURNS, "cancel", "end", "ping", "pong") else "garbage", name)
        self.said.setdefault(f"cancel {name}" if kind == "cancel" and request_id else name, payload)
        if kind in TURNS:
            self.newest = name
        self.note(f"> {kind} {name} {_short(payload)}")
        self.say_pieces(json.dumps(message, ensure_ascii=False).encode(), pieces)
        return name

    def say_pieces(self, data: bytes, pieces: int) -> None:
        """One text message in fragments, a ping between each two."""
        size = -(-len(data) // pieces)
        for at in range(0, len(data), size):
            last = at + size >= len(data)
            self.say_raw(data[at : at + size], TEXT if at == 0 else CONTINUATION, fin=last)
            if not last:
                self.ping(b"%d" % at)

    def ping(self, payload: bytes) -> None:
        """Send a ping of the WebSocket's."""
        self.pinged.append((trio.current_time(), payload))
        self.say_raw(payload, PING)

    def say_raw(self, data: bytes, opcode: int = 1, *, fin: bool = True) -> None:
        """Send one WebSocket frame."""
        self.send(frame(data, opcode, fin=fin))

    def send(self, data: bytes) -> None:
        """Send bytes."""
        if self.state != "over":
            self._sent += len(data)
            self.link.send(data)

    def say_close(self, code: int = 1000) -> None:
        """Send a close frame, once."""
        if self.state in ("open", "opening"):
            self.state = "closing"
            self.say_raw(code.to_bytes(2, "big"), CLOSE)

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
                elif self.state == "opening":
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
            if how == "reset" and innocent:
                self.judge.broken("polite-close", f"{self.name} was reset, although it had done nothing")

    def _judge_close(self, code: int) -> None:
        if code not in self.codes and not self.may_close(code, self._sent):
            self.judge.broken("close-code", f"{self.name} was closed with {code}, for nothing it did")
        if code in TOLD and self.referee.open is not None:
            self.judge.broken("one-terminal", f"{self.name}: closed with {code} while {self.referee.open} is open")

    def _hear(self, message: dict[str, Any]) -> None:
        kind, name, payload = message["type"], message["request_id"], message["payload"]
        self.note(f"< {kind} {name} {_short(payload)}")
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

    def note(self, what: str) -> None:
        """For the trace."""
        self.trace.note(self.name, what)


def _short(payload: Payload) -> str:
    shown = {key: value for key, value in payload.items() if key not in UNTOLD}
    details = payload.get("details")
    if isinstance(details, dict):
        shown["reason_code"] = details["reason_code"]
    text = json.dumps(shown, ensure_ascii=True)
    return text if len(text) <= 160 else f"{text[:150]}... ({len(text)})"


__all__ = ["PATIENCE_S", "Client", "Deed"]
