"""One conversation of a bench run: its turns, the pauses between them, and interruptions."""

from collections.abc import Iterator
from contextlib import contextmanager

import trio
from attrs import define, field

from tooling.clients.bench.plan import Payload, Plan, Planned, conversation, opening
from tooling.clients.failures import ClientError, TimedOut
from tooling.clients.session.connection import Connection
from tooling.clients.session.exchange import Exchange, begin, complete, finish
from tooling.yap_client.wire import Incoming

BARGE_IN = "barge-in"


@define
class Spoken:
    """One turn that was sent. `intended_at`: when it should have been, where that was decided before. `interrupts`:
    it cut off a reply; `interrupted`: its own reply was cut off so, `cancel_ms` after the other turn was sent.
    """

    turn: Exchange
    intended_at: float | None = None
    interrupts: bool = False
    interrupted: bool = False
    cancel_ms: float | None = None


@define
class Attempt:
    """What came of one conversation; all moments by trio's clock. `failure` is what ended it early, if something did;
    `over`: it came to an end, and was not cut off by the end of the run.
    """

    number: int
    session_id: str = ""
    intended_at: float | None = None
    begun_at: float = 0.0
    ended_at: float = 0.0
    connect_ms: float | None = None
    turns: list[Spoken] = field(factory=list)
    failure: ClientError | None = None
    over: bool = False


@define(eq=False)
class Talk:
    """Has one conversation on an open connection. `until`: from when on nothing new is said."""

    plan: Plan
    opened: Connection
    attempt: Attempt
    until: float

    async def run(self) -> None:
        """Every turn that is planned. Raises the `ClientError` that ends it."""
        intended_at = self.attempt.intended_at
        for planned in conversation(self.plan, self.attempt.number):
            if planned.number:
                intended_at = trio.current_time() + planned.think_s
                if intended_at >= self.until:
                    return
                await trio.sleep_until(intended_at)
            await self._turn(planned, intended_at)

    async def _turn(self, planned: Planned, intended_at: float | None) -> None:
        payload = self.plan.payloads[planned.number] if planned.number else opening(self.plan, self.attempt.number)
        label = self.plan.labels[planned.number] if self.plan.labels else ""
        spoken = await self._say("message" if planned.number else "start", payload, label, intended_at)
        if planned.interrupt_after is not None and await self._heard(spoken.turn, planned.interrupt_after):
            await self._interrupt(spoken)
        else:
            await complete(self.opened, spoken.turn, self.plan.turn_timeout_s)

    async def _say(self, kind: str, payload: Payload, label: str, intended_at: float | None = None) -> Spoken:
        turn = await begin(self.opened, kind, payload, user=str(payload["user_utterance"]), label=label)
        self.attempt.turns.append(Spoken(turn, intended_at))
        return self.attempt.turns[-1]

    async def _heard(self, turn: Exchange, words: int) -> bool:
        """Whether so many words of the reply were heard while it still goes on."""
        timeout_s = self.plan.turn_timeout_s
        with _told(turn), trio.move_on_after(timeout_s) as scope:
            while turn.outcome is None and len(turn.meter.text().split()) < words:
                turn.feed(await self.opened.receive("frame of the turn", min(timeout_s, self.opened.limits.receive_s)))
        if scope.cancelled_caught:
            turn.outcome = "timeout"
            raise TimedOut(f"the turn did not end within {timeout_s:g} s")
        return turn.outcome is None

    async def _interrupt(self, old: Spoken) -> None:
        """Say something into a reply: that one is cancelled, or was just over, and the new one goes to its end."""
        new = await self._say("message", self.plan.interjection, BARGE_IN)

        def hear(frame: Incoming) -> None:
            new.turn.feed(frame)

        with _told(new.turn):
            await finish(self.opened, old.turn, self.plan.turn_timeout_s, on_frame=hear)
        if old.turn.outcome == "cancelled" and old.turn.meter.ended_at is not None:
            old.interrupted = new.interrupts = True
            old.cancel_ms = (old.turn.meter.ended_at - new.turn.meter.sent_at) * 1000
        elif (problem := old.turn.problem()) is not None:
            new.turn.outcome = new.turn.outcome or "closed"
            raise problem
        await complete(self.opened, new.turn, self.plan.turn_timeout_s)


@contextmanager
def _told(turn: Exchange) -> Iterator[None]:
    """A turn whose connection ends is told as that, whoever was reading for it."""
    try:
        yield
    except TimedOut:
        turn.outcome = turn.outcome or "timeout"
        raise
    except BaseException:
        turn.outcome = turn.outcome or "closed"
        raise


__all__ = ["BARGE_IN", "Attempt", "Spoken", "Talk"]
