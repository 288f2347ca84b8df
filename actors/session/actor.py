"""The session actor: feeds events to the machine and performs the effects. Performing never awaits."""

from collections.abc import Callable
from typing import assert_never

import trio
from attrs import define, field

from actors.engine.messages import Message
from actors.happenings import NOBODY, Observer
from actors.inbox import Inbox
from actors.log_context import LogContext
from actors.session import effects as do
from actors.session import events as ev
from actors.session.answers import Answers
from actors.session.deployment import Deployment
from actors.session.machine import POURS, step
from actors.session.memory import Memory
from actors.session.opening import Profile
from actors.session.outbox import Outbox
from actors.session.reply import Cleaner
from actors.session.reporter import Reporter
from actors.session.state import Phase, Session
from actors.session.turn import Router, Turn
from actors.session.verdict import End, judge
from engines.base import Usage
from protocol.frames import Address, token_head

CleanerFactory = Callable[[Profile], Cleaner]


def _no_cleaner(_profile: Profile) -> Cleaner:
    raise AssertionError("sanitize_output without a sanitizer")


@define(eq=False)
class SessionActor:
    """One conversation. Everything a client can change lives here and dies with the connection.

    `number` is unique in the process: replicas of an engine keep a session where its prefix is cached. `engine`: the
    mailbox of the chat engine's actor, of which each turn has a sending end of its own.
    """

    site: Deployment
    outbox: Outbox
    engine: trio.MemorySendChannel[Message] | None = None
    router: Router | None = None
    cleaner: CleanerFactory = _no_cleaner
    number: int = 0
    observer: Observer = NOBODY
    clock: Callable[[], float] = trio.current_time
    session: Session = field(factory=Session)
    memory: Memory = field(init=False)
    inbox: Inbox[ev.Event] = field(init=False)
    log_context: LogContext = field(init=False)
    settled: trio.Event = field(factory=trio.Event)
    reporter: Reporter = field(init=False)
    _nursery: trio.Nursery = field(init=False)
    _turn: Turn | None = None
    _flowing: Turn | None = None
    _head: bytes = b""
    _since: float | None = None
    _answers: Answers = field(init=False)

    def __attrs_post_init__(self) -> None:
        # Two generations of one session can have events under way at once (one of them being stopped), each at most
        # a chunk a token, an end and a decision; timers and the rest fit in the margin.
        self.inbox = Inbox(2 * (self.site.max_out + 8) + 64, self._handle)
        self.log_context = LogContext(self.number)
        self.memory = Memory(self.site)
        self._answers = Answers(self.outbox)
        self.reporter = Reporter(self.number, self.outbox, self.observer, self.clock)

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Handle events until the session is closed; its turns end with it."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            self.reporter.opened()
            task_status.started()
            try:
                await self.inbox.run()
            finally:
                # However it ends. A reader with a frame in hand, or a drain, may still knock, and from the moment the
                # last turn's task is over the nursery takes no new one.
                self.inbox.close()
                if self._turn is not None:  # if it still runs, a bug ends it: what it has used by now is told
                    self._turn.stop(do.AbortCause.INTERNAL, self.clock())
                self.reporter.closed(self._turn)
            nursery.cancel_scope.cancel("the session is closed")

    def pour(self, turn: int, text: str, tokens: int, now: float) -> None:
        """Text of a turn, as the engine's step brings it.

        Where the table only passes text on, it is passed on here, in the engine's task, to the client's socket if that
        takes it: waking this session's own task for every step costs more than all the rest. Everywhere else it becomes
        an event like any other.
        """
        flowing = self._flowing
        try:
            if flowing is None or flowing.number != turn or not self.inbox.is_free:
                self.inbox.put(ev.ChunkProduced(turn, text, tokens))
                return
            self._send(flowing, text, self.outbox.say, now)
            if self.outbox.overflowed:
                self.inbox.put(ev.ClientStalled())
        except Exception as error:  # a bug costs this session only
            self.inbox.fail(error)

    @property
    def phase(self) -> Phase:
        """The machine's phase."""
        return self.session.phase

    async def wait_settled(self) -> None:
        """Return when no turn is running (at once if none is)."""
        while self.phase not in (Phase.IDLE, Phase.CLOSED):
            await self.settled.wait()

    @property
    def unfinished(self) -> tuple[Address, Usage] | None:
        """Ids and usage so far of an acked turn that has had no terminal frame; for the barrier, which owes it one."""
        session = self.session
        turn = session.pending or (session.live if session.phase in (Phase.ROUTING, Phase.STREAMING) else None)
        return (self._answers.address(turn), self._usage(turn)) if turn is not None else None

    def _handle(self, event: ev.Event) -> None:
        self._since = event.read_at if isinstance(event, ev.READ) else None
        self._step(event)
        if self.outbox.overflowed and self.phase is not Phase.CLOSED:
            self._step(ev.ClientStalled())
        if isinstance(event, ev.TurnEnded) and self.session.live is None:
            self._turn = None
        if self.phase in (Phase.IDLE, Phase.CLOSED):
            self.settled.set()
            self.settled = trio.Event()
        if self.phase is Phase.CLOSED:
            self.inbox.close()
        self.outbox.flush()

    def _step(self, event: ev.Event) -> None:
        session, effects = step(self.session, event)
        for effect in effects:
            self._perform(effect)
        # Not before: if one of them crashes, what the client was told is still what the old state says.
        self.session = session
        self._flowing = self._turn if session.phase in POURS else None

    def _perform(self, effect: do.Effect) -> None:  # noqa: PLR0912 - one arm per effect, by design
        match effect:
            case do.AcceptTurn():
                self._accept(effect.turn)
            case do.StartTurn():
                self._start(effect.turn)
            case do.StopTurn():
                self._stop(effect)
            case do.ReportCancelled():
                self._report_cancelled(effect)
            case do.AnswerNotRunning():
                self._answers.not_running(effect.cancel, self.memory.played(effect.cancel.played))
            case do.HoldText():
                self._live.held.append(effect.chunk.text)
            case do.SendText():
                self._send(self._live, effect.chunk.text, self.outbox.put_text, self.clock())
            case do.AnnounceDecision():
                self._announce(effect.routed)
            case do.ConcludeTurn():
                self._conclude(effect)
            case do.SendPong():
                self._answers.pong(effect.ping)
            case do.SendError():
                self.reporter.refused(effect.error)
                self._answers.refused(effect.error)
            case do.SayGoodbye():
                self._answers.goodbye(effect)
            case do.CloseConnection():
                self.outbox.close(effect.why, lingers=effect.why in (do.Hangup.REFUSED, do.Hangup.INTERNAL))
            case _:
                assert_never(effect)

    @property
    def _live(self) -> Turn:
        assert self._turn is not None, "an effect of a turn without a turn"
        return self._turn

    def _accept(self, request: ev.TurnRequested) -> None:
        if request.opening is not None:
            self._answers.session_id = self.log_context.session_id = request.session_id
        self._answers.ack(request, self.memory.accept(request))
        self.reporter.accepted(request)

    def _start(self, request: ev.TurnRequested) -> None:
        self._head = token_head(self._answers.address(request))
        self._turn = Turn(
            request=request,
            site=self.site,
            profile=self.memory.profile,
            history=self.memory.history,
            settled=self.memory.settled,
            sampling=self.memory.sampling,
            cleaner=self._cleaner_of_turn,
            sink=self.inbox,
            text_sink=self,
            session_number=self.number,
            paces=self.observer.paces,
            engine=self.engine,
            router=self.router,
            clock=self.clock,
        )
        with self.log_context.bound(turn=request.turn, request_id=request.request_id):
            self._nursery.start_soon(self._turn.run, name=f"turn {request.turn}")

    def _cleaner_of_turn(self) -> Cleaner | None:
        return self.cleaner(self.memory.profile) if self.memory.sanitizes else None

    def _stop(self, effect: do.StopTurn) -> None:
        turn = self._live
        turn.stop(effect.cause, self.clock() if self._since is None else self._since)
        self.outbox.drop(effect.turn)
        self.memory.keep_reply(turn.number, self.outbox.sent_text(effect.turn), interrupted=True)
        self.memory.over(effect.turn)
        self._nursery.start_soon(self._watch_cancel, turn, name=f"cancel of turn {effect.turn}")
        self.reporter.stopped(turn, effect.cause)

    async def _watch_cancel(self, turn: Turn) -> None:
        """A turn's task that outlives its cancellation by the grace time is a bug that must not wedge the session."""
        with trio.move_on_after(self.site.cancel_grace_s):
            await turn.ended.wait()
            return
        self.inbox.put(ev.CancelOverdue(turn.number))

    def _report_cancelled(self, effect: do.ReportCancelled) -> None:
        self.memory.over(effect.turn.turn)  # it may be one that never began
        self.reporter.not_begun(effect.turn, effect.reason, by_client=effect.cancel is not None)
        played = self.memory.played(effect.cancel.played) if effect.cancel else None
        self._answers.cancelled(effect, self._usage(effect.turn), played)

    def _usage(self, request: ev.TurnRequested) -> Usage:
        """What a turn has used so far: nothing if it waits for its beginning."""
        return self._turn.usage if self._turn is not None and self._turn.request is request else Usage()

    def _send(self, turn: Turn, delta: str, say: Callable[[int, bytes, str], None], now: float) -> None:
        reply = turn.reply
        assert reply is not None
        text = reply.push(delta)
        if text:
            say(turn.number, self._head, text)
            if turn.voice is not None:
                turn.voice.hear(text, now)
        if reply.stopped:
            turn.stop_string_found()

    def _announce(self, routed: ev.Routed) -> None:
        turn = self._live
        self._answers.toolcall(turn.request, routed)
        held, turn.held = turn.held, []
        if routed.yes and routed.chats:
            self.memory.looked_at_screen(turn.number)
            return
        for text in held:
            self._send(turn, text, self.outbox.put_text, self.clock())

    def _conclude(self, effect: do.ConcludeTurn) -> None:
        turn, now = self._live, self.clock()
        verdict = judge(effect.ended, stopped=turn.reply is not None and turn.reply.stopped, exhausted=turn.exhausted)
        if verdict.end is End.DONE:
            verdict = verdict.with_text(self._finish_reply(turn))
        text = turn.reply.text if turn.reply else ""
        match verdict.end:
            case End.DONE:
                self.memory.keep_reply(turn.number, text, interrupted=False)
                self._answers.done(turn, text, verdict.reason, now)
            case End.EMPTY:
                self._answers.empty(turn)
            case End.BUSY:
                self.memory.take_back(turn.number)
                self._answers.busy(turn, verdict.reason, turn.retry_in)
            case End.REFUSED:
                self.memory.take_back(turn.number)
                self._answers.text_refused(turn, verdict.reason)
            case End.TIMED_OUT | End.FAILED:
                self.memory.keep_reply(turn.number, text, interrupted=True)
                self._answers.failed(turn, verdict.end)
        self.memory.over(turn.number)
        self.reporter.concluded(turn, verdict)

    def _finish_reply(self, turn: Turn) -> str:
        """The whole text of a complete reply; what of it was held back is sent."""
        if turn.reply is None:
            return ""
        rest = turn.reply.finish()
        if rest:
            self.outbox.put_text(turn.number, self._head, rest, ends=True)
        return turn.reply.text


__all__ = ["CleanerFactory", "SessionActor"]
