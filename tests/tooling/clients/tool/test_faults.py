"""A server that misbehaves: every fault has its kind, ends within its limit, and stops its case only if it must."""

import pytest
import trio
from trio.testing import MockClock

from tests.tooling.clients.standin import USAGE, Frame, Session, polite, standing_in
from tests.tooling.clients.tool.scene import FIRST, LABELS, NAMED, Regression, Said, decide, finish, once, right

ONE = ("--limit", "1")
HASTY = {"RECV_TIMEOUT_SEC": "0.3"}


async def silent(session: Session, frame: Frame) -> None:
    pass


async def only_ack(session: Session, frame: Frame) -> None:
    await session.send("ack", frame, **{"for": frame["type"], "ok": True})


async def never_done(session: Session, frame: Frame) -> None:
    await decide(session, frame, yes=True)


async def drips(session: Session, frame: Frame) -> None:
    await decide(session, frame, yes=True)
    while True:
        await session.send("token", frame, text="drip ")
        await trio.sleep(0.02)


async def no_ack(session: Session, frame: Frame) -> None:
    await session.send("toolcall", frame, status="no", raw=[], score=0.1)


async def closes_before(session: Session, frame: Frame) -> None:
    await only_ack(session, frame)
    await session.socket.aclose(1011, "internal_error")


async def closes_after(session: Session, frame: Frame) -> None:
    await decide(session, frame, yes=True)
    await session.send("token", frame, text="hi")
    await session.socket.aclose(1011, "internal_error")


async def error(session: Session, frame: Frame) -> None:
    await decide(session, frame, yes=True)
    details = {"reason_code": "engine_error"}
    await session.send("error", frame, code="internal_error", message="m", details=details, usage=USAGE)


async def cancelled(session: Session, frame: Frame) -> None:
    await decide(session, frame, yes=True)
    await session.send("cancelled", frame, reason="server_shutdown", turn=frame["request_id"], usage=USAGE)


async def untooled(session: Session, frame: Frame) -> None:
    await session.reply(frame)


async def disagreeing(session: Session, frame: Frame) -> None:
    await only_ack(session, frame)
    await session.send("toolcall", frame, status="yes", raw=[], score=0.9)
    await finish(session, frame, "hi")


async def undecided(session: Session, frame: Frame) -> None:
    await only_ack(session, frame)
    await session.send("toolcall", frame, status="maybe", raw=NAMED, score=0.9)
    await finish(session, frame, "hi")


async def wordless(session: Session, frame: Frame) -> None:
    await decide(session, frame, yes=True)
    await session.send("final", frame, normalized_text="")
    await session.send("done", frame, usage=USAGE, finish_reason="stop")


async def other_final(session: Session, frame: Frame) -> None:
    await decide(session, frame, yes=True)
    await session.send("token", frame, text="hi")
    await session.send("final", frame, normalized_text="ho")


async def late_toolcall(session: Session, frame: Frame) -> None:
    await only_ack(session, frame)
    await session.send("token", frame, text="hi")
    await session.send("toolcall", frame, status="yes", raw=NAMED, score=0.9)


async def wrong(session: Session, frame: Frame) -> None:
    await decide(session, frame, yes=not LABELS[frame["payload"]["user_utterance"]])
    await finish(session, frame, "hi")


@pytest.mark.parametrize(
    ("fault", "kind", "goes_on"),
    [
        (wrong, "wrong_response", True),
        (disagreeing, "wrong_format", True),
        (undecided, "wrong_format", True),
        (untooled, "no_tool_response", True),
        (error, "server_error", True),
        (cancelled, "cancelled", True),
        (wordless, "incomplete", True),
        (closes_after, "incomplete", False),
        (closes_before, "connection_failed", False),
        (no_ack, "protocol", False),
        (other_final, "protocol", False),
        (late_toolcall, "protocol", False),
    ],
)
async def test_a_fault_in_one_step_is_named_and_fails_the_run(
    regression: Regression, fault: Said, kind: str, goes_on: bool
) -> None:
    async with standing_in(once(fault)) as server:
        told = await regression(server.url, *ONE)
    assert (told.code, told.kinds) == (1, [kind])
    assert told.document["failures"][0]["where"] == f"{FIRST.key} step 2"
    assert told.summary["kinds"] == {kind: 1}
    sent = told.summary["steps_sent"]
    assert (sent, told.summary["steps_passed"]) == ((len(FIRST.steps) if goes_on else 2), sent - 1)
    assert told.lines[-1].startswith("✗ FAIL")


@pytest.mark.parametrize(
    ("fault", "flags"),
    [(silent, ("--timeout", "0.3")), (only_ack, ("--timeout", "0.3")), (never_done, ()), (drips, ())],
)
async def test_a_wait_that_runs_out_is_a_timeout_and_stops_its_case(
    regression: Regression, fault: Said, flags: tuple[str, ...]
) -> None:
    async with standing_in(fault) as server:
        told = await regression(server.url, "--limit", "2", "--timeout", "30", *flags, environ=HASTY)
    assert (told.code, told.kinds) == (1, ["timeout", "timeout"])
    assert told.summary["steps_sent"] == 2
    assert [turn["outcome"] for turn in told.document["turns"]] == ["timeout", "timeout"]


async def test_a_server_without_a_router_is_recognised_by_its_first_turn(regression: Regression) -> None:
    async with standing_in(polite) as server:
        told = await regression(server.url)
    assert (told.code, told.kinds) == (1, ["no_tool_response"])
    assert told.lines[-1].startswith("✗ FAIL chat-only server")
    assert len(server.sessions) == 1
    assert [frame["type"] for frame in server.sessions[0].seen] == ["start", "end"]


async def test_a_slow_reply_without_a_toolcall_is_a_chat_server_and_no_timeout(
    regression: Regression, mock_clock: MockClock
) -> None:
    mock_clock.autojump_threshold = 0.05  # what is on its way through a socket arrives in less

    async def slow(session: Session, frame: Frame) -> None:
        await only_ack(session, frame)
        await session.send("token", frame, text="hi")
        await trio.sleep(8)
        await session.send("final", frame, normalized_text="hi")
        await session.send("done", frame, usage=USAGE, finish_reason="stop")

    async with standing_in(slow) as server:
        told = await regression(server.url, "--timeout", "5")
    assert told.lines[-1].startswith("✗ FAIL chat-only server")


async def test_nobody_there_is_3_after_the_first_case(regression: Regression) -> None:
    told = await regression("ws://127.0.0.1:9/ws")
    assert (told.code, told.kinds) == (3, ["connection_failed"])
    assert told.document["turns"] == []


@pytest.mark.parametrize(
    ("code", "advice"), [("authentication_failed", "TEXT_API_KEY"), ("server_at_capacity", "later")]
)
async def test_who_is_turned_away_at_the_door_exits_3_with_a_hint(
    regression: Regression, code: str, advice: str
) -> None:
    async def refuse(session: Session, frame: Frame) -> None:
        await session.send("error", frame, code=code, message="m", details={"reason_code": "x"})
        await session.socket.aclose(1013)

    async with standing_in(right, on_connect=refuse) as server:
        told = await regression(server.url)
    assert (told.code, told.kinds) == (3, ["connection_failed"])
    assert advice in told.lines[-1]


async def test_a_server_that_goes_away_ends_the_run_after_three_cases(regression: Regression) -> None:
    async def refuse(session: Session, frame: Frame) -> None:
        if len(server.sessions) > 1:
            await session.send("error", frame, code="server_at_capacity", message="m", details={"reason_code": "x"})
            await session.socket.aclose(1013)

    async with standing_in(right, on_connect=refuse) as server:
        told = await regression(server.url)
    assert (told.code, told.kinds) == (1, ["connection_failed"] * 3)
    assert "3 cases in a row" in told.lines[-1]
    assert told.summary["cases_passed"] == 1


async def test_a_start_that_was_refused_is_sent_again_as_a_start(regression: Regression) -> None:
    async def refuse(session: Session, frame: Frame) -> None:
        await session.send("error", frame, code="server_busy", message="m", details={"reason_code": "x"})

    async with standing_in(once(refuse, FIRST.steps[0].text)) as server:
        told = await regression(server.url, *ONE)
    assert told.kinds == ["server_error"]
    assert [frame["type"] for frame in server.sessions[0].seen][:3] == ["start", "start", "message"]


async def test_a_breach_is_a_warning_when_asked_to_be_lenient(regression: Regression) -> None:
    async def loose(session: Session, frame: Frame) -> None:
        await only_ack(session, frame)
        await session.send(
            "toolcall", frame, status="yes" if LABELS[frame["payload"]["user_utterance"]] else "no", raw={}
        )
        await finish(session, frame, "hi")

    async with standing_in(loose) as server:
        told = await regression(server.url, *ONE, "--lenient")
    assert told.code == 0
    assert told.document["warnings"]
