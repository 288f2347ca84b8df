"""A caller on the phone: speaks, listens, cuts in, hangs up, calls again."""

from collections.abc import Callable

import trio
from attrs import frozen

from tooling.clients.capacity.doors.line import Door, Line, Reply
from tooling.clients.capacity.person import Person, Utterance, Way
from tooling.clients.failures import ClientError, NoConnection

PATIENCE_S = 10.0
"""Of silence on the line, until a caller takes the turn for lost."""
REDIAL_S = 1.0


@frozen
class Turn:
    """What came of one turn. `at`: when it was sent, seconds of this process's clock; times in ms, None if never.

    `error` is empty, or says why the caller got no reply, or no whole one. A turn that was still under way when the
    load ended is told as far as it came. `nobody_there`: it was the connection that did not come about.
    """

    at: float
    ttft_ms: float | None
    sentence_ms: float | None
    ran_dry: bool
    interrupted: bool
    error: str = ""
    nobody_there: bool = False


async def call_for_ever(door: Door, person: Person, spread_s: float, tell: Callable[[Turn], None]) -> None:
    """Call, and call again, until cancelled; `tell` gets every turn once its reply was heard or given up."""
    await trio.sleep(person.delay(spread_s))
    while True:
        began = trio.current_time()
        try:
            async with door.call() as line:
                await _converse(line, person, tell)
        except ClientError as error:
            gone = isinstance(error, NoConnection)
            tell(Turn(began, None, None, ran_dry=False, interrupted=False, error=str(error), nobody_there=gone))
            await trio.sleep(REDIAL_S)


async def _converse(line: Line, person: Person, tell: Callable[[Turn], None]) -> None:
    """One call."""
    heard: int | None = None
    for _ in range(person.turns()):
        said = person.says()
        await trio.sleep(said.speaks_s)
        reply = await line.say(said.text, heard)
        cut_at = None
        try:
            cut_at = await _listen(reply, said)
        finally:  # also when the load ends in mid-reply: what is late by then must count
            tell(_turn(reply, cut_at))
        if reply.error:
            return  # and call again
        playback = reply.voice.playback()
        if cut_at is None:
            heard = None
            await trio.sleep_until(max(playback.ends_at, trio.current_time()) + said.answers_after_s)
            continue
        await trio.sleep_until(max(cut_at, trio.current_time()))
        heard = playback.heard(cut_at)
        if said.interruption is not None and said.interruption.way is Way.CANCEL:
            await line.stop(heard)
            heard = None  # told already


async def _listen(reply: Reply, said: Utterance) -> float | None:
    """Until the text is whole, the caller cuts in or takes the line for dead; returns the moment of the cut."""
    while not await _within(PATIENCE_S, reply.begun):
        reply.close(trio.current_time(), f"no sentence within {PATIENCE_S:g} s")
    begins = reply.voice.playback().sentence_at
    cut_at = None
    if said.interruption is not None and begins is not None:
        cut_at = begins + said.interruption.after_s
        if not await _within(max(0.0, cut_at - trio.current_time()), reply.over):
            return cut_at
    while not reply.over.is_set():
        so_far = len(reply.voice.arrivals)
        if not await _within(PATIENCE_S, reply.over) and len(reply.voice.arrivals) == so_far:
            reply.close(trio.current_time(), f"no more text for {PATIENCE_S:g} s")
    return cut_at if cut_at is not None and cut_at < reply.voice.playback().ends_at else None


def _turn(reply: Reply, cut_at: float | None) -> Turn:
    playback = reply.voice.playback()
    sentence_at = playback.sentence_at
    return Turn(
        at=reply.sent_at,
        ttft_ms=reply.ttft_ms,
        sentence_ms=None if sentence_at is None else (sentence_at - reply.sent_at) * 1000,
        ran_dry=playback.ran_dry,
        interrupted=cut_at is not None,
        error=reply.error or "",
    )


async def _within(seconds: float, event: trio.Event) -> bool:
    with trio.move_on_after(seconds):
        await event.wait()
    return event.is_set()


__all__ = ["PATIENCE_S", "Turn", "call_for_ever"]
