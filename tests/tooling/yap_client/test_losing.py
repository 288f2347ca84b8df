"""Connections that end, servers that are busy or confused: what the user is told, and what is said again."""

import pytest
import trio

from tests.tooling.clients.standin import WORDS, Frame, Session, standing_in
from tests.tooling.yap_client.acting import TURNS, ack, fail, pongs
from tests.tooling.yap_client.flavours import Flavour
from tooling.yap_client import (
    Backoff,
    ConnectionLost,
    Done,
    Event,
    Lost,
    ProtocolFault,
    ServerError,
    SessionEnd,
    SessionOver,
    TimedOut,
    Unknown,
)

QUICK = Backoff(first_s=0.01, most_s=0.02, attempts=3)
OPTIONS = {"key": "k", "prompt": "Be kind.", "backoff": QUICK}
TEXT = "".join(WORDS)
FRAMES = 6  # of a whole turn: ack, three tokens, final, done


async def part(session: Session, frame: Frame, frames: int) -> None:
    """The first so many frames of a turn."""
    for number in range(frames):
        if number == 0:
            await ack(session, frame)
        elif number <= len(WORDS):
            await session.send("token", frame, text=WORDS[number - 1])
        elif number == len(WORDS) + 1:
            await session.send("final", frame, normalized_text=TEXT)
        else:
            await session.send("done", frame, usage={}, finish_reason="stop", timings={})


@pytest.mark.parametrize("close", [None, 1011])
@pytest.mark.parametrize("frames", range(FRAMES))
async def test_a_server_may_vanish_after_any_frame(flavour: Flavour, frames: int, close: int | None) -> None:
    async def vanishes(session: Session, frame: Frame) -> None:
        if frame["type"] in TURNS and len(server.sessions) == 1:
            await part(session, frame, frames)
            if close is None:
                await trio.aclose_forcefully(session.socket._stream)
            else:
                await session.socket.aclose(close)
        else:
            await session.reply(frame)

    async def body() -> None:
        async with flavour.connect(server.url, **OPTIONS) as session:
            before = session.id
            turn = await session.say("first")
            if frames == 0:  # nothing of it was acked: it is said again
                assert await turn.reply() == TEXT
            else:
                with pytest.raises(ConnectionLost) as caught:
                    await turn.reply()
                assert caught.value.code == (close or 1006)
                assert isinstance(turn.ending, Lost)
                assert turn.so_far == "".join(WORDS[: frames - 1])
                turn.heard(3)
                with pytest.raises(SessionOver, match="say it as a message"):
                    await session.followup("what I saw")
            assert await (await session.say("second")).reply() == TEXT
            assert session.id != before

    async with standing_in(pongs(vanishes)) as server:
        await flavour.run(body)
    starts = [frame["payload"] for frame in server.sessions[1].seen if frame["type"] == "start"]
    assert len(starts) == 1
    assert "played" not in starts[0]  # the new session knows no turn of the old one
    told = [message["content"] for message in starts[0]["history"]]
    assert (starts[0]["user_utterance"], starts[0]["chat_prompt"]) == ("second" if frames else "first", "Be kind.")
    assert told == {0: [], 1: ["first"]}.get(frames, ["first", "Hel"])
    assert server.sessions[0].seen[1]["session_id"] != server.sessions[1].seen[1]["session_id"]


@pytest.mark.parametrize(("code", "reason"), [(1001, "server_shutdown"), (4000, "idle_timeout")])
async def test_a_session_that_ends_while_nobody_talks_is_opened_again_at_the_next_word(
    flavour: Flavour, code: int, reason: str
) -> None:
    async def ends(session: Session, frame: Frame) -> None:
        await session.reply(frame)
        if len(server.sessions) == 1:
            await session.send("session_end", frame, reason=reason)
            await session.socket.aclose(code, reason)

    async def body(reconnect: bool) -> None:
        events: list[Event] = []
        async with flavour.connect(server.url, **OPTIONS, observer=events.append, reconnect=reconnect) as session:
            await (await session.say("first")).reply()
            while session.closed is None:
                await flavour.sleep(0.01)
            assert isinstance(session.closed, ConnectionLost)
            assert (session.closed.code, session.closed.reason) == (code, reason)
            assert [event.reason for event in events if isinstance(event, SessionEnd)] == [reason]
            if reconnect:
                assert await (await session.say("second")).reply() == TEXT
            else:
                with pytest.raises(SessionOver, match=str(code)):
                    await session.say("second")

    for reconnect in (True, False):
        async with standing_in(pongs(ends)) as server:
            await flavour.run(lambda reconnect=reconnect: body(reconnect))  # type: ignore[misc]
            assert len(server.sessions) == 1 + reconnect


async def test_a_busy_server_gets_the_turn_again_and_its_history_once(flavour: Flavour) -> None:
    async def busy(session: Session, frame: Frame) -> None:
        if len([one for one in session.seen if one["type"] in TURNS]) < 3:
            await ack(session, frame)
            await fail(session, frame, "server_busy", "engine_queue_full", retry_in=0)
        else:
            await session.reply(frame)

    async def body() -> None:
        async with flavour.connect(server.url, **OPTIONS) as session:
            async with session.say("hi") as turn:
                first = turn.request_id
                assert await turn.reply() == TEXT
                assert turn.request_id != first
                assert isinstance(turn.ending, Done)
            assert [message.content for message in session.history] == ["hi", TEXT]

    async with standing_in(pongs(busy)) as server:
        await flavour.run(body)
    ids = [frame["request_id"] for frame in server.sessions[0].seen if frame["type"] in TURNS]
    assert len(set(ids)) == 3


@pytest.mark.parametrize("why", ["asks for too long", "never gets better", "something else was said", "cancelled"])
async def test_a_busy_server_is_not_asked_for_ever(flavour: Flavour, why: str) -> None:
    async def busy(session: Session, frame: Frame) -> None:
        await ack(session, frame)
        retry_in = 3600 if why == "asks for too long" else 0
        await fail(session, frame, "server_busy", "engine_unavailable", retry_in=retry_in)

    async def body() -> None:
        async with flavour.connect(server.url, **OPTIONS) as session:
            turn = await session.say("hi")
            if why == "something else was said":
                await session.say("or rather")
            elif why == "cancelled":
                await turn.cancel()
            with pytest.raises(ServerError, match="server_busy/engine_unavailable"):
                await turn.reply()

    async with standing_in(pongs(busy)) as server:
        await flavour.run(body)
    said = [frame["payload"]["user_utterance"] for frame in server.sessions[0].seen if frame["type"] in TURNS]
    expected = {"never gets better": ["hi"] * 3, "something else was said": ["hi", "or rather"]}
    assert said == expected.get(why, ["hi"])


async def test_what_a_newer_server_says_is_ignored_and_shown_to_the_observer(flavour: Flavour) -> None:
    async def newer(session: Session, frame: Frame) -> None:
        await session.send("weather", frame, rain=True)
        await part(session, frame, FRAMES)
        await session.send("token", frame, text="late")
        await session.send("done", frame)
        await session.send("cancelled", frame, turn=frame["request_id"], reason="client_request")

    async def body() -> None:
        events: list[Event] = []
        async with flavour.connect(server.url, **OPTIONS, observer=events.append) as session:
            for text in ("one", "two"):
                turn = await session.say(text)
                assert await turn.reply() == TEXT
                await session.ping()
                assert (turn.so_far, isinstance(turn.ending, Done)) == (TEXT, True)
        assert [event.type for event in events if isinstance(event, Unknown)] == ["weather"] * 2

    async with standing_in(pongs(newer)) as server:
        await flavour.run(body)


@pytest.mark.parametrize("message", ["nope", b"{}", '{"type":"ack"}', "[" * 100_000, "null"])
async def test_a_server_that_breaks_the_protocol_loses_the_connection(flavour: Flavour, message: str | bytes) -> None:
    async def breaks(session: Session, frame: Frame) -> None:
        if len(server.sessions) == 1:
            await ack(session, frame)
            await session.socket.send_message(message)
        else:
            await session.reply(frame)

    async def body() -> None:
        async with flavour.connect(server.url, **OPTIONS) as session:
            with pytest.raises(ProtocolFault):
                await (await session.say("hi")).reply()
            assert await (await session.say("hi")).reply() == TEXT

    async with standing_in(pongs(breaks)) as server:
        await flavour.run(body)


async def test_every_wait_ends_and_names_what_was_awaited(flavour: Flavour) -> None:
    async def mute(session: Session, frame: Frame) -> None:
        if len(session.seen) > 3:
            await ack(session, frame)

    async def body() -> None:
        async with flavour.connect(server.url, **OPTIONS, wait_s=0.1) as session:
            with pytest.raises(TimedOut, match=r"no ack within 0\.1 s"):
                await session.say("hi")
            turn = await session.say("hi again")
            with pytest.raises(TimedOut, match="no frame of the turn within"):
                await turn.reply()
            with pytest.raises(TimedOut, match="no end of the turn within"):
                await turn.cancel()

    async with standing_in(pongs(mute)) as server:
        await flavour.run(body)
    kinds = [frame["type"] for frame in server.sessions[0].seen]
    assert kinds == ["ping", "start", "cancel", "start", "cancel", "end"]


async def test_a_cancel_that_is_refused_ends_nothing(flavour: Flavour) -> None:
    async def refuses(session: Session, frame: Frame) -> None:
        if frame["type"] == "cancel":
            await fail(session, frame, "rate_limited", "cancel_rate_limited", usage=False, retry_in=7)
            await part(session, frame, FRAMES)
        else:
            await part(session, frame, 2)

    async def body() -> None:
        async with flavour.connect(server.url, **OPTIONS) as session:
            turn = await session.say("hi")
            with pytest.raises(ServerError, match="cancel_rate_limited") as caught:
                await turn.cancel()
            assert caught.value.retry_in_s == 7
            assert (await turn.reply()).startswith(WORDS[0])

    async with standing_in(pongs(refuses)) as server:
        await flavour.run(body)


async def test_a_heartbeat_keeps_an_idle_session_awake(flavour: Flavour) -> None:
    async def body() -> None:
        events: list[Event] = []
        async with flavour.connect(server.url, **OPTIONS, heartbeat_s=0.02, observer=events.append):
            while len(events) < 4:
                await flavour.sleep(0.01)

    async with standing_in(pongs(part_of_nothing)) as server:
        await flavour.run(body)
    assert [frame["type"] for frame in server.sessions[0].seen][:4] == ["ping"] * 4


async def part_of_nothing(_session: Session, _frame: Frame) -> None:
    pass
