"""Every line about a connection carries its ids, and nobody else's, whichever task writes it."""

from collections.abc import Iterator

import pytest
import trio
from structlog.testing import capture_logs
from structlog.typing import EventDict

from actors.connection import Connection
from actors.log_context import LogContext, add_ids, shown
from runtime.websocket import WebSocket
from tests.runtime.serving import Serving, says, serving, talks


@pytest.fixture
def lines() -> Iterator[list[EventDict]]:
    with capture_logs(processors=[add_ids]) as records:
        yield records


def of(lines: list[EventDict], event: str) -> list[EventDict]:
    return [line for line in lines if line["event"] == event]


async def test_two_conversations_at_once_each_have_their_own_ids_on_every_line(lines: list[EventDict]) -> None:
    async with serving(talks(8)) as place:

        async def converse(name: str) -> None:
            async with place.connected(session_id=name) as client:
                await client.start(f"{name}-1")
                await client.rest()
                await client.message(f"{name}-2", "And then?")
                await client.until("token")
                await client.message(f"{name}-3", "Stop, what?")  # a barge-in
                await client.rest()

        async with trio.open_nursery() as nursery:
            for name in ("a", "b", "c"):
                nursery.start_soon(converse, name)
        await place.until_idle()
    numbers = {line["session"]: line["session_id"] for line in of(lines, "session.closed")}
    assert sorted(numbers.values()) == ["a", "b", "c"]
    assert len(of(lines, "turn.finished")) == 9
    for line in of(lines, "turn.finished"):
        assert line["session_id"] == numbers[line["session"]]
    assert {line["session"] for line in of(lines, "session.opened")} == numbers.keys()
    assert not [line for line in of(lines, "session.opened") if "session_id" in line], "nobody has said it yet"


async def test_a_drain_ends_turns_in_their_names_and_has_none_itself(lines: list[EventDict], serving: Serving) -> None:
    async with serving(talks(400)) as place, place.connected(session_id="a") as one, place.connected() as other:
        for client in (one, other):
            await client.start()
            await client.until("token")
        await place.server.drain(0.05)
        await place.until_idle()
    cancelled = of(lines, "turn.finished")
    assert sorted(line["session_id"] for line in cancelled) == ["a", "s-1"]
    assert len({line["session"] for line in cancelled}) == 2
    (drain,) = of(lines, "server.drain_started")
    assert not {"session", "session_id"} & drain.keys()


async def test_a_crash_is_told_with_the_ids_of_its_session(
    lines: list[EventDict], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(says("Yes.")) as place, place.connected(session_id="a") as client, place.connected() as other:
        await client.start()
        await client.rest()
        monkeypatch.setattr(Connection, "_event", _broken)
        await client.say("ping", "p-1")
        await client.closed()
        monkeypatch.undo()
        await other.start()
        await other.rest()
        await place.until_idle_engine()
    (crash,) = of(lines, "session.crashed")
    (closed,) = [line for line in of(lines, "session.closed") if line["session"] == crash["session"]]
    assert crash["session_id"] == closed["session_id"] == "a"


async def _broken(self: Connection, frame: str | bytes) -> None:
    raise ZeroDivisionError


async def test_the_look_at_all_connections_tells_of_each_in_its_name(
    lines: list[EventDict], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: WebSocket, interval_s: float) -> None:
        raise ZeroDivisionError

    async with serving(says("Yes."), WS_PING_INTERVAL_S="0.2") as place:
        async with place.connected(session_id="a") as one, place.connected(session_id="b") as other:
            for client in (one, other):
                await client.start()
                await client.rest()
            monkeypatch.setattr(WebSocket, "keep_alive", broken)
            await place.until_idle()
            monkeypatch.undo()
    assert {line["session_id"] for line in of(lines, "connection.crashed")} == {"a", "b"}


async def test_lines_of_a_turns_own_tasks_name_the_turn_too(
    lines: list[EventDict], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[EventDict] = []

    async def work(self: object) -> None:
        seen.append(dict(add_ids(None, "info", {})))
        raise ZeroDivisionError

    monkeypatch.setattr("actors.session.turn.Turn._work", work)
    async with serving(says("Yes.")) as place, place.connected(session_id="a") as client:
        await client.start("r-7")
        await client.closed()
    assert seen == [{"session": 0, "session_id": "a", "turn": 1, "request_id": "r-7"}]


async def test_a_sentence_in_the_place_of_an_id_is_not_logged(lines: list[EventDict]) -> None:
    async with serving(says("Yes.")) as place, place.connected(session_id="what is my balance") as client:
        await client.start("and my mother's name")
        await client.rest()
    (turn,) = of(lines, "turn.finished")
    assert turn["session_id"].startswith("sha256:") and turn["request_id"].startswith("sha256:")
    assert not [word for word in ("balance", "mother") if word in str(lines)]


async def test_tasks_see_an_id_that_became_known_after_they_began_and_siblings_see_nothing() -> None:
    told: dict[str, EventDict] = {}

    async def speak(name: str, after: trio.Event) -> None:
        await after.wait()
        told[name] = dict(add_ids(None, "info", {"event": "x"}))

    known = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(speak, "sibling", known)
        context = LogContext(3)
        with context.bound():
            nursery.start_soon(speak, "early", known)
        context.session_id = "a"
        known.set()
        await trio.testing.wait_all_tasks_blocked()
    assert told == {"sibling": {"event": "x"}, "early": {"event": "x", "session": 3, "session_id": "a"}}
    assert add_ids(None, "info", {}) == {}


def test_an_id_with_a_blank_may_be_anybodys_words_and_is_shown_as_a_digest() -> None:
    assert shown("4f0c-Ü") == "4f0c-Ü"
    assert shown("今日はいい天気").startswith("sha256:")
    digest = shown("what is my balance")
    assert digest == shown("what is my balance")
    assert digest.startswith("sha256:") and "balance" not in digest
