"""At the end: what was told of turns is what their clients heard of them."""

from collections import Counter

from actors.happenings import TurnOver, TurnStatus
from actors.session.effects import AbortCause, Hangup
from runtime.telemetry import catalogue as of
from tests.accounts import FRAMES, total
from tests.referee import Account, Message
from tests.simulation.client import Client
from tests.simulation.world import World

BY_REASON = {
    "barge_in": AbortCause.BARGE_IN,
    "server_shutdown": AbortCause.SHUTDOWN,
    "message_rate_limited": AbortCause.INTERNAL,
}
OWN_CAUSES = (AbortCause.SPECULATION, AbortCause.STOP_STRING)
"""For these a turn stops a request and goes on."""
BY_HANGUP = {
    Hangup.CLIENT_REQUEST: AbortCause.END,
    Hangup.GONE: AbortCause.DISCONNECT,
    Hangup.SLOW_CONSUMER: AbortCause.SLOW_CONSUMER,
    Hangup.SHUTDOWN: AbortCause.SHUTDOWN,
}


def accounts(world: World) -> str | None:
    """Status, tokens and cause of each turn that is over, against its terminal frame or the end of its connection."""
    sessions = {world.client_of(connection).name: number for number, connection in world.connections.items()}
    told = {(over.session, over.request_id): over for over in world.ledger.accountant.ended}
    for client in world.clients:
        session = sessions.get(client.name)
        if session is None:
            continue
        for name, turn in client.referee.turns.items():
            over = told.get((session, name))
            wrong = "nobody was told that it is over" if over is None else _wrong(world, client, turn, over)
            if wrong is not None:
                return f"{name} of {client.name}: {wrong}"
    return None


def causes(world: World) -> str | None:
    """An engine is told to stop for what ended the turn, unless the turn itself wanted no more of that request."""
    stopped: Counter[AbortCause] = Counter()
    for over in world.ledger.accountant.ended:
        for made in over.generations:
            if made.cause is None:
                continue
            stopped[made.cause] += 1
            if over.cause is not None and made.cause not in (over.cause, *OWN_CAUSES):
                return f"{over.request_id} ended by {over.cause.value}, its request was stopped by {made.cause.value}"
    told = world.ledger.accountant.aborts
    more = sorted(cause.value for cause in told if told[cause] > stopped[cause])
    return f"engines were told more often to stop by {more} than requests were" if more else None


def wasted(world: World) -> str | None:
    """Tokens that engines made of requests after they had been told to stop them are all counted."""
    brought = sum(engine.wasted for engine in world.engines.made)
    counted = total(world.ledger.accountant.recorder.books.snapshot(), of.TOKENS_AFTER_ABORT)
    return None if brought == counted else f"{brought} tokens after an abort, {counted:g} counted"


def _wrong(world: World, client: Client, turn: Account, over: TurnOver) -> str | None:
    if turn.end is None:
        outbox = world.connections[over.session].outbox
        if outbox.size or any(_ends(frame, over.request_id) for frame in client.link.hearing.messages):
            return None  # what it came to was said, and not heard
        unheard = client.gone or client.closed is None
        if unheard and over.cause in _asked_for(client, over.request_id):
            return None  # and one of both was gone before it could be written
        return _wrong_cause(over, BY_HANGUP.get(outbox.hangup) if outbox.hangup else None)
    payload = turn.end["payload"]
    if turn.end["type"] != FRAMES[over.status]:
        return f"told as {over.status.value}, heard as {turn.end['type']}"
    usage = payload.get("usage")
    if usage and usage["completion_tokens"] != over.usage.completion_tokens:
        return f"told {over.usage}, heard {usage}"
    if over.status is not TurnStatus.CANCELLED:
        return None
    return _wrong_cause(over, BY_REASON.get(payload["reason"], AbortCause.CANCEL))


def _asked_for(client: Client, name: str) -> set[AbortCause]:
    """The ends of a turn that its client gave occasion for, by what it said after it."""
    said = list(client.said.items())
    after = said[next(at for at, (each, _) in enumerate(said) if each == name) + 1 :]
    turns = any("user_utterance" in payload or "analysis_text" in payload for _, payload in after)
    others = any("user_utterance" not in payload and "analysis_text" not in payload for _, payload in after)
    return {cause for cause, is_so in ((AbortCause.BARGE_IN, turns), (AbortCause.CANCEL, others)) if is_so}


def _ends(frame: Message, name: str) -> bool:
    payload = frame["payload"]
    return "usage" in payload and name == (payload.get("turn") or frame["request_id"])


def _wrong_cause(over: TurnOver, expected: AbortCause | None) -> str | None:
    """What stopped it, where it was stopped and that is known."""
    if over.status is not TurnStatus.CANCELLED or expected is None or over.cause is expected:
        return None
    return f"told as stopped by {over.cause and over.cause.value}, it was {expected.value}"


__all__ = ["accounts", "causes", "wasted"]
