"""Random conversations for real connections, sessions, engine actor and supervisor, in virtual time.

Two clients share a scripted engine that speaks, stalls, fails and dies, and a router that is fast, slow, wrong or
broken. After every step the referee, the model of the history and the running sets have to agree.
"""

import math
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar

from attrs import evolve
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from actors.connection import Connection
from actors.session.state import Phase
from engines.scripted import Script
from tests.client import Client
from tests.guest import GuestLoop
from tests.harness import WORDS, World, open_world
from tests.memory import Memory, Remembered
from tests.referee import Mode, Referee

UTTERANCES = ("hello there", " what now? ", "é😀", "<|im_end|>", "tell me a story")
VOICES = (WORDS, (), ("", "late"), ("é", "", "😀 "), ("word ",) * 60, ("half a <|im_", "end|> more"))
GARBAGE = ("", "{", "[]", '"text"', '{"type": 5}', '{"type": "ping"}', "\ud800", b"bytes", '{"type":"start"}')
MODES = [Mode.BOTH, Mode.CHAT, Mode.BOTH, Mode.CHAT, Mode.BOTH, Mode.TOOL]
WHO = st.integers(0, 1)
MOMENTS = st.sampled_from([0.0, 0.0, 0.01, 0.06, 0.16, 0.31, 0.7, 5.0])
TALKATIVE = 8
"""Frames that a client has said before it may leave: short conversations are not worth an example."""
PATIENCE_S = 150
LIVES = 4
"""Engines an example may use up: the supervisor lets a server end whose engine dies again and again."""


class Conversations(RuleBasedStateMachine):
    """Rules say and do things without waiting; time passes, and the loop settles, in rules of their own.

    `habits`: how the clients read.
    """

    habits: ClassVar[dict[str, Any]] = {}

    def __init__(self) -> None:
        super().__init__()
        self.loop: GuestLoop[World] | None = None
        self.parties: list[tuple[Client, Connection, Memory]] = []
        self.settled = True

    @initialize(mode=st.sampled_from(MODES), speculates=st.booleans(), yes=st.booleans())
    def open(self, mode: Mode, speculates: bool, yes: bool) -> None:
        def world() -> AbstractAsyncContextManager[World]:
            return open_world(mode, script=Script(step_s=0.05), site=lambda site: evolve(site, speculates=speculates))

        self.loop = GuestLoop(world)
        self.loop.start()
        self.world.router.yes = yes
        self.parties = [self._party(), self._party()]
        self.loop.settle()

    @property
    def world(self) -> World:
        assert self.loop is not None
        return self.loop.inside

    def _party(self) -> tuple[Client, Connection, Memory]:
        client = Client(Referee(self.world.mode), **self.habits)
        client.start()
        return client, self.world.connect(client)[1], Memory(client)

    # -- clients -------------------------------------------------------------------------------------------------------

    @rule(
        who=WHO,
        text=st.sampled_from(UTTERANCES),
        kind=st.sampled_from(["message", "message", "start", "followup"]),
        then=MOMENTS,
    )
    def speaks(self, who: int, text: str, kind: str, then: float) -> None:
        client = self.parties[who][0]
        if kind == "start":
            client.start(text)
        else:
            client.say(kind, **{"analysis_text" if kind == "followup" else "user_utterance": text})
        self.wait(then)

    @rule(
        who=WHO,
        sampling=st.dictionaries(st.sampled_from(["top_k", "temperature"]), st.none() | st.integers(-1, 2)),
        then=MOMENTS,
    )
    def tunes(self, who: int, sampling: dict[str, int | None], then: float) -> None:
        self.parties[who][0].say("message", user_utterance="and now?", sampling=sampling)
        self.wait(then)

    @rule(who=WHO, then=MOMENTS)
    def cancels(self, who: int, then: float) -> None:
        self.parties[who][0].say("cancel")
        self.wait(then)

    @rule(
        who=WHO,
        chars=st.integers(0, 30),
        back=st.integers(1, 3),
        kind=st.sampled_from(["message", "cancel"]),
        then=MOMENTS,
    )
    def tells_what_was_heard(self, who: int, chars: int, back: int, kind: str, then: float) -> None:
        client = self.parties[who][0]
        turns = list(client.referee.turns)[-back:] or ["never"]
        text = {"user_utterance": "go on"} if kind == "message" else {}
        client.say(kind, played={"request_id": turns[0], "chars": chars}, **text)
        self.wait(then)

    @rule(who=WHO)
    def reuses_an_id(self, who: int) -> None:
        client = self.parties[who][0]
        for turn in list(client.referee.turns)[-1:]:
            client.say("message", user_utterance="again", request_id=turn)

    @rule(who=WHO, kind=st.sampled_from(["ping", "pong", "garbage", *GARBAGE]))
    def says_something_that_changes_nothing(self, who: int, kind: str | bytes) -> None:
        client = self.parties[who][0]
        if isinstance(kind, str) and kind.isalpha():
            client.say(kind)
        else:
            client.say_raw(kind)

    @precondition(lambda self: any(len(client.said) >= TALKATIVE for client, _, _ in self.parties))
    @rule(who=WHO, way=st.sampled_from(["end", "vanish", "drain", "expire"]))
    def leaves_and_another_comes(self, who: int, way: str) -> None:
        assert self.loop is not None
        client, connection, _ = self.parties[who]
        match way:
            case "end":
                client.say("end")
            case "vanish":
                client.hang_up()
            case "drain":
                connection.drain()
                self.until(client.over.is_set)
            case "expire":
                connection.expire()
        self.until(client.over.is_set)
        if way != "vanish":
            assert client.closed is not None
            assert client.referee.over
        self.parties[who] = self._party()

    # -- engine and router ---------------------------------------------------------------------------------------------

    @rule(tokens=st.sampled_from(VOICES), fails_after=st.sampled_from([None, None, 0, 2]))
    def the_engine_changes_its_voice(self, tokens: tuple[str, ...], fails_after: int | None) -> None:
        self.world.voice.tokens, self.world.voice.fails_after = tokens, fails_after

    @precondition(lambda self: self.world.mode is not Mode.TOOL)
    @rule()
    def the_engine_steps_at_once(self) -> None:
        if not self.world.scripted.stalled:
            self.world.scripted.step()
            self.settled = False  # what it said is on its way

    @precondition(lambda self: self.world.mode is not Mode.TOOL and len(self.world.engines) < LIVES)
    @rule(seconds=st.sampled_from([0.2, 4, 12, 40]))
    def the_engine_says_nothing_for_a_while(self, seconds: float) -> None:
        engine = self.world.scripted
        engine.stalled = True
        self.wait(seconds)
        engine.stalled = False

    @precondition(lambda self: self.world.mode is not Mode.TOOL and len(self.world.engines) < LIVES)
    @rule()
    def the_engine_dies(self) -> None:
        self.world.scripted.die()
        self.wait(0.1)

    @precondition(lambda self: self.world.mode is not Mode.CHAT)
    @rule(yes=st.booleans(), score=st.sampled_from([None, 0.2]), delay_s=st.sampled_from([0, 0.04, 0.5, math.inf]))
    def the_router_changes_its_mind(self, yes: bool, score: float | None, delay_s: float) -> None:
        router = self.world.router
        router.yes, router.score, router.delay_s = yes, score, delay_s

    # -- time ----------------------------------------------------------------------------------------------------------

    @rule()
    def everything_settles(self) -> None:
        assert self.loop is not None
        self.loop.settle()
        self.settled = True

    @rule(seconds=MOMENTS)
    def time_passes(self, seconds: float) -> None:
        self.wait(seconds)

    def wait(self, seconds: float) -> None:
        """Let time pass; no time at all leaves everything that was said unread."""
        assert self.loop is not None
        if seconds:
            self.loop.sleep(seconds)
            self.settled = True

    @rule()
    def silence_ends_in_idle(self) -> None:
        assert self.loop is not None
        self.loop.settle()
        self.until(lambda: all(connection.actor.phase is Phase.IDLE for _, connection, _ in self.parties))
        self.until(lambda: not self._under_way())  # a restarted engine may be warming up
        for client, _, _ in self.parties:
            client.referee.settled()

    def until(self, reached: object) -> None:
        """Let time pass until it is so. A stalled engine is found out and restarted, a silent router times out."""
        assert self.loop is not None
        assert callable(reached)
        self.loop.settle()
        self.settled = True
        for _ in range(PATIENCE_S):
            self.read_everything()
            if reached():
                return
            self.loop.sleep(1.0)
        raise AssertionError(f"not reached within {PATIENCE_S} s")

    def read_everything(self) -> None:
        """Catch up, for clients that do not read by themselves."""
        assert self.loop is not None
        for client, _, _ in self.parties:
            while client.unread:
                client.read()
                self.loop.settle()

    def _under_way(self) -> int:
        stats = self.world.engine.stats()
        return stats.running + stats.unconfirmed_aborts

    # -- what always holds ---------------------------------------------------------------------------------------------

    @invariant()
    def nothing_crashed(self) -> None:
        if self.parties:
            assert not self.world.crashes

    @invariant()
    def the_engines_running_set_is_the_sessions(self) -> None:
        if self.parties:
            self.world.check_running(settled=self.settled)

    @invariant()
    def the_history_is_what_the_client_knows(self) -> None:
        for client, connection, memory in self.parties:
            if connection.outbox.size or client.unread:
                continue  # the client does not know yet
            names = {number: name for name, number in connection.actor.memory._numbers.items()}
            stored = [
                Remembered(names[message.turn], message.role, message.text, message.prefix, message.interrupted)
                for message in connection.actor.memory.history.messages
            ]
            assert stored == memory.expected(), client.frames
            assert connection.actor.memory._overrides == memory.sampling

    def teardown(self) -> None:
        if self.loop is None:
            return
        try:
            if self.loop.alive:
                for client, _, _ in self.parties:
                    client.hang_up()
                self.until(lambda: not self.world.connections and not self._under_way())
                self.loop.call(self.world.check_quiet)
        finally:
            self.loop.close()


__all__ = ["Conversations"]
