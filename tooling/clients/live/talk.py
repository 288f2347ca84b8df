"""Turns, and the sessions they need: what is said goes out, what comes back is shown and remembered."""

from collections.abc import Callable, Mapping
from typing import Any

import trio
from attrs import define, evolve, field

from tooling.clients.data.personas import Persona, persona_by_key
from tooling.clients.failures import ClientError, ConnectionLost, NoConnection
from tooling.clients.live.line import Line
from tooling.clients.live.memory import Memory
from tooling.clients.live.screens.screen import Screen
from tooling.clients.live.screens.status import State, Status
from tooling.clients.live.screens.visible import encodable
from tooling.clients.live.wardrobe import Wardrobe, described
from tooling.clients.session.connection import Connection
from tooling.clients.session.exchange import Exchange, begin, refusal
from tooling.yap_client.wire import Incoming

RECOVERABLE = frozenset({"rate_limited", "server_busy"})
FULL = "server_at_capacity"
PAUSES_S = (1.0, 2.0, 4.0)  # before each reconnect to a server that was full
IDLE_CODE = 4000
SHORTEST_S = 0.1  # of a reply whose pace says anything: its first tokens may come together


@define(kw_only=True, eq=False)
class Talk:
    """A conversation over as many sessions as it takes, one after the other; one turn at a time.

    `open_line`: starts a task that runs a line, after a pause in seconds. `choose`: the key to begin with, by the name
    of the server's model. `opening`: a session's first payload, by persona and history. `settled` is called when
    a Ctrl+C has had its effect. `trouble`: what is broken until a turn is served again. `heard_at`: trio's clock at the
    last sign of life of the running turn.
    """

    screen: Screen
    wardrobe: Wardrobe
    open_line: Callable[[Line, float], None]
    choose: Callable[[str], str]
    opening: Callable[[Persona, list[dict[str, str]]], dict[str, object]]
    memory: Memory = field(factory=Memory)
    settled: Callable[[], None] = lambda: None
    stats: bool = True
    key: str = ""
    persona: Persona | None = None
    turn: Exchange | None = None
    line: Line | None = None
    connection: Connection | None = None
    unsent: str | None = None
    cancelling: bool = False
    ended: bool = False
    trouble: ClientError | None = None
    heard_at: float = 0.0
    status: Status = field(factory=Status)
    _started: bool = False
    _outdated: bool = False
    _routes: bool = False
    _tries: int = 0
    _repeated: str | None = None
    _overtaken: str | None = None

    @property
    def connecting(self) -> bool:
        """Whether a line is being opened."""
        return self.line is not None and self.connection is None

    async def say(self, text: str) -> None:
        """Send a turn; while another one runs this is a barge-in, and what came of that one is kept."""
        if self.turn is not None:
            self._overtaken = self.turn.request_id
            self.close_turn()
        if self._outdated:
            self.hang_up()
        if self.connection is None:
            self.unsent = text
            self.connect()
            return
        kind, payload = "message", dict[str, object](user_utterance=text)
        if not self._started:
            assert self.persona is not None
            kind, payload = "start", self.opening(self.persona, self.memory.for_start()) | payload
        self._started = True
        self.memory.said(text)
        if text is not self._repeated:
            self.screen.you(text)
        self._repeated, self.cancelling = None, False
        self.settled()
        self._show(State.ROUTING if self._routes else State.WAITING)
        self.heard_at = trio.current_time()
        self.turn = await begin(self.connection, kind, payload, user=text)

    async def cancel(self) -> None:
        """Have the running reply stopped; it is over when the server says so."""
        if self.turn is None or self.connection is None:
            self.screen.note("nothing is running")
            return
        self.cancelling = True
        self._show(State.CANCELLING)
        await self.connection.send("cancel", {"reason": "client_request"}, self.turn.request_id)

    def connect(self, pause_s: float = 0.0) -> None:
        """Open a line of its own for a session with the persona there is now."""
        self.line, self.connection = Line(), None
        self._started = self._outdated = self._routes = False
        self._overtaken = None
        self._show(State.CONNECTING)
        self.open_line(self.line, pause_s)

    def hang_up(self) -> None:
        """Let go of the session, if there is one. It ends behind our back."""
        if self.line is not None:
            (self.line.give_up if self.connecting else self.line.release)()
        self.line = self.connection = None

    def become(self, key: str, *, fresh: bool) -> None:
        """Go on as somebody else, in a new session: with this history, or with none. Raises `UsageProblem`."""
        persona = persona_by_key(self.wardrobe.personas, key)
        if self.turn is not None:
            self.close_turn()
        if fresh:
            self.memory.clear()
        self.hang_up()
        self.key, self.persona = key, persona
        self.screen.note(f"persona {described(persona)}")
        self.status = evolve(self.status, persona=persona.key)
        self.connect()

    async def opened(self, connection: Connection) -> None:
        """There is a connection: say what waits for it."""
        self.connection = connection
        if self.persona is None:
            self.key = self.choose(connection.model)
            self.persona = persona_by_key(self.wardrobe.personas, self.key)
        self.status = evolve(self.status, persona=self.persona.key)
        said, self.unsent = self.unsent, None
        if said is not None:
            await self.say(said)
        else:
            self.screen.note(f"new session, {len(self.memory.messages)} messages go along")
            self.prompt()

    async def arrived(self, frame: Incoming) -> None:
        """Take a frame of the session."""
        self.heard_at = trio.current_time()
        self._take(frame)
        overtaken = self._overtaken
        if overtaken is not None and self.turn is None and self.connection is not None:
            self._overtaken = None  # the message was refused that should have interrupted that reply
            await self.connection.send("cancel", {"reason": "client_request"}, overtaken)

    def _take(self, frame: Incoming) -> None:
        if frame.type == "session_end":
            self.screen.note(f"session ended by the server ({frame.text('reason')})")
            self.ended, self.trouble = True, None
            return
        turn = self.turn
        if turn is None:
            if frame.type == "error":
                self._refused(frame.payload)
            return
        over = turn.feed(frame)
        if frame.request_id == turn.request_id and frame.type == "token":
            self.screen.token(frame.text("text"))
            self._show(State.CANCELLING if self.cancelling else State.STREAMING, turn)
        elif frame.request_id == turn.request_id and frame.type == "toolcall":
            self._routes = True
            ttfb = turn.meter.measured().tool_ms or 0.0
            self.screen.note(f"TOOLCALL status={frame.text('status')} ttfb_ms={ttfb:.0f}")
        elif frame.type == "ack":
            self.trouble = self._overtaken = None
            self._tries = 0
        if over:
            self.close_turn()
        elif frame.type == "error":  # not the turn's end: another frame was refused, the cancel as a rule
            self.cancelling = False
            self.settled()
            self.screen.note(f"WARN {refusal(frame.payload, at_the_door=False)}")

    def close_turn(self) -> None:
        """The running turn is over, or about to be cut off by what comes next."""
        turn = self.turn
        assert turn is not None
        self.turn = None
        if turn.meter.tokens:
            self.memory.heard(encodable(turn.meter.text()))
        elif turn.outcome == "error":
            self.memory.unsaid()
        self.status = evolve(self.status, turns=self.status.turns + turn.acked)
        well = turn.outcome == "done" or (turn.outcome == "error" and not turn.meter.tokens)
        self.screen.end_of_reply("" if well else f"[{turn.outcome or 'interrupted'}]")
        if self.stats and (turn.meter.tokens or turn.toolcall):
            self.screen.note(turn.meter.measured().line())
        self._show(State.IDLE, turn)
        if turn.outcome == "error" and turn.error is not None:
            self._refused(turn.error, turn.user)
        elif turn.outcome is not None:
            self._judge(turn)
            self.prompt()

    def _judge(self, turn: Exchange) -> None:
        """A turn that nobody here cut short must have brought something; the talk can go on, but is in trouble."""
        asked = turn.outcome == "cancelled" and self.cancelling
        problem = None if asked else turn.problem()
        if problem is not None:
            self.trouble = problem
            self.screen.note(f"WARN {problem}")

    def _refused(self, payload: Mapping[str, Any], said: str | None = None) -> None:
        """The server did not serve a turn, or turned us away. Raises what trying again cannot mend."""
        code, error = payload.get("code"), refusal(payload, at_the_door=not self.status.turns)
        if code == FULL:
            self.hang_up()
            self.trouble = error
            if said is not None and self._tries < len(PAUSES_S):
                pause_s = PAUSES_S[self._tries]
                self._tries += 1
                self.unsent = self._repeated = said
                self.screen.note(f"WARN {error}; trying again in {pause_s:g} s")
                self.connect(pause_s)
                return
            self._tries = 0
        elif code not in RECOVERABLE:
            raise error
        self.screen.note(f"WARN {error}")
        self.prompt()

    def lost(self, error: ClientError) -> None:
        """The line is dead. At the prompt that does no harm yet: the next message opens another one."""
        code = error.code if isinstance(error, ConnectionLost) else None
        if code == IDLE_CODE and self.turn is None:
            self.screen.note("Session ended due to inactivity. Goodbye!")
            self.ended = True
            return
        nobody = not self.status.turns and not (self.turn and self.turn.acked)
        if self.turn is not None or nobody or not isinstance(error, ConnectionLost | NoConnection):
            raise NoConnection(str(error)) if nobody and code is not None else error
        self.hang_up()
        self.trouble, self.unsent = error, None
        self.screen.note(f"WARN {error}; the next message tries again")
        self.prompt()

    def prompt(self) -> None:
        """Nothing runs, and it is the user's turn to type."""
        self.look()
        self.settled()
        self._show(State.IDLE if self.connection else State.OFFLINE)
        self.screen.prompt()

    def _show(self, state: State, turn: Exchange | None = None) -> None:
        ttft_ms, speed = (self.status.ttft_ms, self.status.tokens_per_s) if turn is None else pace(turn)
        self.status = evolve(self.status, state=state, ttft_ms=ttft_ms, tokens_per_s=speed)
        self.screen.show(self.status)

    def look(self) -> None:
        """See whether the persona files have changed. They are small and near: nobody waits for them noticeably."""
        for line in self.wardrobe.look().told():
            self.screen.note(line)
        newest = self.wardrobe.personas.get(self.key)
        if self.persona is not None and newest is not None and newest != self.persona:
            self.persona, self._outdated = newest, True


def pace(turn: Exchange) -> tuple[float | None, float | None]:
    """TTFT in ms and tokens a second of a turn so far. Chunks count as tokens until the server has told how many."""
    times = [at for _, at in turn.meter.tokens[:: max(1, len(turn.meter.tokens) - 1)]]
    if not times:
        return None, None
    took_s, counted = times[-1] - times[0], (turn.usage or {}).get("completion_tokens")
    tokens = counted if isinstance(counted, int) else len(turn.meter.tokens)
    return (times[0] - turn.meter.sent_at) * 1000, (tokens - 1) / took_s if took_s >= SHORTEST_S else None


__all__ = ["PAUSES_S", "Talk", "pace"]
