"""The one that cancels: its reply is stopped by a timer, then there is silence, then the session goes on."""

from collections.abc import Sequence

import trio
from attrs import define, frozen

from tooling.clients.failures import ClientError, Inconclusive, NotSilent, TimedOut, WrongCancelled
from tooling.clients.output.phases import Phases
from tooling.clients.output.report import Block, Report
from tooling.clients.program import LONGEST_TURN, Call
from tooling.clients.session.checks import shortened
from tooling.clients.session.connection import Connection
from tooling.clients.session.exchange import Exchange, begin, refusal
from tooling.yap_client.wire import Incoming

REASON = "client_request"
PHASES = ("cancel", "drain", "repeat", "recovery")


@frozen(kw_only=True)
class Timing:
    """Seconds. `delay_s`: from the first token to the cancel; `drain_s`: the silence after it; `wait_s`: before the
    session is used again; `frame_s`: the longest wait for a frame; `turn_s`: for a whole turn.
    """

    delay_s: float
    drain_s: float
    wait_s: float
    frame_s: float

    @property
    def turn_s(self) -> float:
        """A reply that never ends must not hold the client, however steadily its tokens come."""
        return LONGEST_TURN * self.frame_s


@define(kw_only=True)
class Canceller:
    """Runs the four phases on one connection. `start`: the payload of the first turn, `again` of every later one that
    asks for the same; `recovery`: of the last one. The texts in them are `user_utterance`.
    """

    call: Call
    opened: Connection
    timing: Timing
    phases: Phases
    start: dict[str, object]
    again: dict[str, object]
    recovery: dict[str, object]

    async def run(self) -> None:
        """Phase after phase; one that cannot be run after what happened in an earlier one is left out."""
        try:
            turn, answered_ms = await self._stopped()
        except ClientError as error:
            self.phases.failed("cancel", error)
            return
        self.phases.passed("cancel", answered_ms=answered_ms)
        for name, phase in (("drain", self._drain), ("repeat", self._repeat), ("recovery", self._recover)):
            try:
                await phase(turn)
            except ClientError as error:
                self.phases.failed(name, error)
                if self.opened.closed is not None:
                    return
            else:
                self.phases.passed(name)

    async def _stopped(self) -> tuple[Exchange, float]:
        """The turn that was cancelled and the ms until `cancelled` came. A reply that is over before: once more."""
        for kind, payload, delay_s in (("start", self.start, self.timing.delay_s), ("message", self.again, 0.0)):
            turn = await begin(self.opened, kind, payload, user=str(payload["user_utterance"]), label="cancel")
            self.call.report.turn(turn, session_id=self.opened.session_id)
            try:
                answered_ms = await self._cancel(turn, delay_s)
            finally:
                show(self.call.report, [turn])
            if answered_ms is not None:
                return turn, answered_ms
        raise Inconclusive("reply too short to cancel")

    async def _cancel(self, turn: Exchange, delay_s: float) -> float | None:
        """Cancel a running turn; ms until the answer, or None if the turn was over before."""
        try:
            if await self._reads_until_timer(turn, delay_s):
                sent_at = trio.current_time()
                await self.opened.send("cancel", {"reason": REASON}, turn.request_id)
                answer = await self._answer(turn)
                return None if answer is None else round((answer.at - sent_at) * 1000, 1)
        except TimedOut:
            turn.outcome = turn.outcome or "timeout"
            raise
        finally:
            turn.outcome = turn.outcome or "closed"
        problem = turn.problem()
        if problem is not None:
            raise problem
        return None

    async def _reads_until_timer(self, turn: Exchange, delay_s: float) -> bool:
        """Read until `delay_s` after the first token; whether the turn still runs then. The timer is the clock's: a
        server that sends nothing more is cancelled on time.
        """
        limit_at = trio.current_time() + self.timing.turn_s
        while turn.outcome is None:
            arrivals = turn.meter.tokens
            due_at = arrivals[0][1] + delay_s if arrivals else limit_at
            with trio.move_on_at(due_at) as timer:
                frame = await self.opened.receive("frame of the reply", self.timing.frame_s)
                turn.feed(frame)
            if timer.cancelled_caught and arrivals:
                return True
            if timer.cancelled_caught:
                raise TimedOut(f"no token within {self.timing.turn_s:g} s")
        return False

    async def _answer(self, turn: Exchange) -> Incoming | None:
        """The `cancelled` that stopped the turn; None if the turn had ended by itself when the cancel was read."""
        with trio.move_on_after(self.timing.frame_s):
            while True:
                frame = await self.opened.receive("'cancelled'", self.timing.frame_s)
                done_before = turn.outcome is not None
                turn.feed(frame)
                if frame.type == "error":
                    raise refusal(frame.payload)
                if frame.type != "cancelled":
                    continue
                if done_before:
                    _check_answer(frame, turn.request_id, "not_running", None)
                    return None
                _check_answer(frame, turn.request_id, REASON, turn.request_id)
                return frame
        raise TimedOut(f"no 'cancelled' within {self.timing.frame_s:g} s of the cancel")

    async def _drain(self, _turn: Exchange) -> None:
        before = self.opened.frames
        with trio.move_on_after(self.timing.drain_s):
            frame = await self.opened.receive("frame", float("inf"))
            raise NotSilent(f"{frame.type!r} came after 'cancelled'")
        if self.opened.frames != before:
            raise NotSilent("a frame of an unknown type came after 'cancelled'")

    async def _repeat(self, turn: Exchange) -> None:
        await self.opened.send("cancel", {"reason": REASON}, turn.request_id)
        frame = await self.opened.receive("answer to the second cancel", self.timing.frame_s)
        if frame.type == "error":
            raise refusal(frame.payload)
        if frame.type != "cancelled":
            raise WrongCancelled(f"{frame.type!r} came where 'cancelled' should answer the second cancel")
        _check_answer(frame, turn.request_id, "not_running", None)

    async def _recover(self, _turn: Exchange) -> None:
        await trio.sleep(self.timing.wait_s)
        label = "recovery"
        try:
            await self.call.turn(self.opened, "message", self.recovery, label=label, show=False)
        finally:
            show(self.call.report, [turn for turn, *_ in self.call.report.turns if turn.label == label])


def show(report: Report, turns: Sequence[Exchange]) -> None:
    """Blocks of turns, whole: what others of the crowd print must not come between their halves."""
    for turn in turns:
        Block(report, turn).end(lambda _: ())


def _check_answer(frame: Incoming, request_id: str, reason: str, turn: str | None) -> None:
    if frame.request_id != request_id:
        raise WrongCancelled("'cancelled' carries another request_id than the cancel")
    if frame.payload.get("reason") != reason:
        raise WrongCancelled(f"'cancelled' has reason {shortened(frame.payload.get('reason'))}, not {reason!r}")
    if frame.payload.get("turn", "") != turn:
        raise WrongCancelled(f"'cancelled' has another turn than {'null' if turn is None else 'the one cancelled'}")


__all__ = ["PHASES", "Canceller", "Timing", "show"]
