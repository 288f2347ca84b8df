"""A client against a server that misbehaves: every fault is found, named, and ends within its limit."""

import json
from collections.abc import Awaitable, Callable

import pytest
import trio
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, Request

from tests.tooling.clients.standin import KEY, USAGE, Frame, Session, polite, standing_in
from tooling.clients.bench.load import Attempt, Load, Plan
from tooling.clients.options import Common
from tooling.clients.session.connection import Limits
from tooling.yap_client.address import Endpoint

LIMITS = Limits(receive_s=0.5)
PAYLOAD: dict[str, object] = {"user_utterance": "hi", "chat_prompt": "You are a friend."}
Behaviour = Callable[[Session, Frame], Awaitable[None]]


async def attempts(url: str, *, requests: int = 1, concurrency: int = 1, lenient: bool = False) -> list[Attempt]:
    gathered: list[Attempt] = []
    common = Common(Endpoint(url, KEY), LIMITS, lenient)
    plan = Plan(requests=requests, concurrency=concurrency, turn_timeout_s=2.0, payloads=(PAYLOAD,))
    await Load(plan, common, gathered.append, note=lambda _: None).run()
    return gathered


async def ack(session: Session, frame: Frame) -> None:
    await session.send("ack", frame, **{"for": frame["type"], "ok": True})


async def silent(session: Session, frame: Frame) -> None:
    pass


async def only_ack(session: Session, frame: Frame) -> None:
    await ack(session, frame)


async def no_ack(session: Session, frame: Frame) -> None:
    await session.send("token", frame, text="hi")


async def closes_in_mid_reply(session: Session, frame: Frame) -> None:
    await ack(session, frame)
    await session.send("token", frame, text="hi")
    await session.socket.aclose(1011, "internal_error")


async def error(session: Session, frame: Frame) -> None:
    await ack(session, frame)
    details = {"reason_code": "engine_error"}
    await session.send("error", frame, code="internal_error", message="m", details=details, usage=USAGE)


async def cancelled(session: Session, frame: Frame) -> None:
    await ack(session, frame)
    await session.send("cancelled", frame, reason="server_shutdown", turn=frame["request_id"])


async def empty(session: Session, frame: Frame) -> None:
    await session.reply(frame, words=())


async def other_final(session: Session, frame: Frame) -> None:
    await ack(session, frame)
    await session.send("token", frame, text="hi")
    await session.send("final", frame, normalized_text="ho")


async def late_toolcall(session: Session, frame: Frame) -> None:
    await ack(session, frame)
    await session.send("token", frame, text="hi")
    await session.send("toolcall", frame, status="no", raw=[], score=0.1)


async def not_json(session: Session, frame: Frame) -> None:
    await session.socket.send_message("nope")


async def turned_away(session: Session, frame: Frame) -> None:
    details = {"reason_code": "no_slot"}
    await session.send("error", frame, code="server_at_capacity", message="full", details=details)
    await session.socket.aclose(1013)


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (silent, "timeout"),
        (only_ack, "timeout"),
        (no_ack, "protocol"),
        (closes_in_mid_reply, "closed"),
        (error, "server_error"),
        (cancelled, "cancelled"),
        (empty, "empty"),
        (other_final, "protocol"),
        (late_toolcall, "protocol"),
        (not_json, "protocol"),
    ],
)
async def test_a_fault_of_the_server_fails_the_turn_and_is_named(behaviour: Behaviour, kind: str) -> None:
    with trio.fail_after(10):
        async with standing_in(behaviour) as server:
            (attempt,) = await attempts(server.url)
    assert attempt.failure is not None
    assert attempt.failure.kind == kind


async def test_a_refusal_is_read_before_the_close_and_counts_as_no_connection() -> None:
    with trio.fail_after(10):
        async with standing_in(polite, on_connect=turned_away) as server:
            (attempt,) = await attempts(server.url)
    assert attempt.failure is not None
    assert (attempt.failure.kind, int(attempt.failure.exit)) == ("connection_failed", 3)
    assert "MAX_CONCURRENT_CONNECTIONS" in str(attempt.failure)


async def test_nobody_listening_is_no_connection_after_three_attempts_and_shows_no_key() -> None:
    with trio.fail_after(10):
        (attempt,) = await attempts("ws://127.0.0.1:9/ws")
    assert attempt.failure is not None
    assert attempt.failure.kind == "connection_failed"
    assert KEY not in str(attempt.failure)


async def test_a_breach_is_only_noted_when_asked_to_be_lenient() -> None:
    async def sloppy(session: Session, frame: Frame) -> None:
        await ack(session, frame)
        await session.send("token", frame, text="hi")
        await session.send("final", frame, normalized_text="ho")
        await session.send("done", frame, usage=USAGE, finish_reason="stop")

    with trio.fail_after(10):
        async with standing_in(sloppy) as server:
            (strict,) = await attempts(server.url)
            (lenient,) = await attempts(server.url, lenient=True)
    assert strict.failure is not None
    assert lenient.failure is None


async def test_a_good_run_sends_what_the_protocol_wants_and_says_goodbye() -> None:
    with trio.fail_after(10):
        async with standing_in() as server:
            found = await attempts(server.url, requests=4, concurrency=2)
    assert [attempt.failure for attempt in found] == [None] * 4
    assert [[frame["type"] for frame in session.seen] for session in server.sessions] == [["start", "end"]] * 4
    assert len({session.seen[0]["session_id"] for session in server.sessions}) == 4
    assert all(session.path == f"/ws?api_key={KEY}" for session in server.sessions)
    turn = found[0].turns[0].turn
    assert turn.meter.text() == "Hello there, friend."
    assert json.dumps(turn.usage) == json.dumps(USAGE)


async def test_no_more_connections_than_asked_for_are_open_at_once() -> None:
    open_now, most = 0, 0

    async def counted(session: Session, frame: Frame) -> None:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        await trio.sleep(0.02)
        open_now -= 1
        await session.reply(frame)

    with trio.fail_after(10):
        async with standing_in(counted) as server:
            await attempts(server.url, requests=9, concurrency=3)
    assert most == 3


async def test_a_server_that_answers_no_ping_fails_the_turn() -> None:
    limits = Limits(receive_s=5.0, ping_interval_s=0.1, ping_timeout_s=0.2)
    gathered: list[Attempt] = []
    with trio.fail_after(15):
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = listeners[0].socket.getsockname()[1]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.serve_listeners, _deaf_after_handshake, listeners)
            common = Common(Endpoint(f"ws://127.0.0.1:{port}/ws", KEY), limits, lenient=False)
            plan = Plan(requests=1, concurrency=1, turn_timeout_s=5.0, payloads=(PAYLOAD,))
            await Load(plan, common, gathered.append, note=lambda _: None).run()
            nursery.cancel_scope.cancel()
    failure = gathered[0].failure
    assert failure is not None
    assert (failure.kind, "no pong" in str(failure)) == ("timeout", True)


async def _deaf_after_handshake(stream: trio.SocketStream) -> None:

    wire = WSConnection(ConnectionType.SERVER)
    wire.receive_data(await stream.receive_some())
    assert isinstance(next(wire.events()), Request)
    await stream.send_all(wire.send(AcceptConnection()))
    async for _ in stream:
        pass
