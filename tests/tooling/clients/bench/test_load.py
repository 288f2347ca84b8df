"""The order and the moments of a load, on a virtual clock: every reply takes as long as the test says."""

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from attrs import define, field
from trio.testing import MockClock

from tooling.clients.bench import load
from tooling.clients.bench.arrivals import BURSTS, CONSTANT, Arrivals
from tooling.clients.bench.load import Load
from tooling.clients.bench.plan import Part, Payload, Plan
from tooling.clients.bench.records import attempt_record
from tooling.clients.bench.talking import Attempt
from tooling.clients.options import Common
from tooling.clients.session.connection import Limits
from tooling.yap_client.address import Endpoint
from tooling.yap_client.wire import Incoming

COMMON = Common(Endpoint("ws://h/ws", "k"), Limits(), lenient=False)
WORD_S = 0.1


@define(eq=False)
class Server:
    """Connections that say a word every `WORD_S` seconds, `words` of them; `sent`: what came when, by connection."""

    words: int = 10
    connect_s: float = 0.0
    sent: list[tuple[float, int, str]] = field(factory=list)
    opened: int = 0

    @asynccontextmanager
    async def connected(self, *_: Any, **__: Any) -> AsyncIterator["Line"]:
        await trio.sleep(self.connect_s)
        self.opened += 1
        yield Line(self, self.opened - 1)

    def moments(self, kind: str = "") -> list[float]:
        return [round(at, 3) for at, _, sent in self.sent if kind in sent]


@define(eq=False)
class Line:
    """One of them. A turn that is sent into a reply cancels that."""

    server: Server
    number: int
    limits: Limits = field(factory=Limits)
    session_id: str = "s"
    _turns: int = 0
    _due: deque[tuple[float, str, str, dict[str, Any]]] = field(factory=deque)

    async def send(self, kind: str, payload: dict[str, Any]) -> str:
        now, name = trio.current_time(), f"{self.number}.{self._turns}"
        self._turns += 1
        self.server.sent.append((now, self.number, kind))
        running = {turn for _, _, turn, _ in self._due}
        self._due = deque((now, "cancelled", turn, {"reason": "barge_in", "turn": turn}) for turn in running)
        self._due.append((now, "ack", name, {}))
        for word in range(self.server.words):
            self._due.append((now + (word + 1) * WORD_S, "token", name, {"text": "word "}))
        self._due.append((now + self.server.words * WORD_S, "done", name, {"usage": {}, "finish_reason": "stop"}))
        return name

    async def receive(self, _awaited: str, _timeout_s: float | None = None) -> Incoming:
        at, kind, name, payload = self._due[0]
        await trio.sleep_until(at)
        self._due.popleft()
        return Incoming(kind, "s", name, payload, trio.current_time())


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    made = Server()
    monkeypatch.setattr(load, "connected", made.connected)
    return made


def plan(turns: int = 1, **values: Any) -> Plan:
    payloads: tuple[Payload, ...] = tuple(
        {"user_utterance": f"turn {number}", "chat_prompt": "p"} for number in range(turns)
    )
    return Plan(payloads=payloads, interjection={"user_utterance": "wait"}, **values)


async def run(what: Plan, part: Part = Part()) -> list[Attempt]:  # noqa: B008  # frozen
    found: list[Attempt] = []
    await Load(what, COMMON, found.append, note=lambda _: None, part=part).run()
    return found


async def test_a_closed_load_begins_the_next_conversation_when_one_ends(
    server: Server, autojump_clock: MockClock
) -> None:
    await run(plan(requests=5, concurrency=2))
    assert server.moments() == [0, 0, 1, 1, 2]


async def test_a_ramp_of_a_closed_load_takes_its_slots_into_use_one_by_one(
    server: Server, autojump_clock: MockClock
) -> None:
    server.words = 40
    await run(plan(requests=4, concurrency=4, arrivals=Arrivals(ramp_s=2.0)))
    assert server.moments() == [0, 0.5, 1, 1.5]


async def test_an_open_load_waits_for_nobody(server: Server, autojump_clock: MockClock) -> None:
    server.words = 100
    await run(plan(requests=6, concurrency=1, arrivals=Arrivals(kind=CONSTANT, rate=2.0)))
    assert server.moments() == [0, 0.5, 1, 1.5, 2, 2.5]
    assert trio.current_time() == pytest.approx(12.5)


async def test_bursts_wait_for_nobody_either(server: Server, autojump_clock: MockClock) -> None:
    await run(plan(requests=5, arrivals=Arrivals(kind=BURSTS, burst_size=2, window_s=0.3)))
    assert server.moments() == [0, 0, 0.3, 0.3, 0.6]


async def test_in_an_open_load_a_turn_counts_from_when_it_was_meant_too(
    server: Server, autojump_clock: MockClock
) -> None:
    server.connect_s = 0.4
    (attempt,) = await run(plan(requests=1, arrivals=Arrivals(kind=CONSTANT, rate=1.0)))
    record: dict[str, Any] = attempt_record(attempt, 0.0)
    (turn,) = record["turns"]
    assert turn["metrics"]["late_ms"] == 400.0
    assert turn["metrics"]["ttfb_ms"] == 100.0
    assert turn["metrics"]["connect_ms"] == 400.0


@pytest.mark.parametrize("arrivals", [Arrivals(), Arrivals(kind=CONSTANT, rate=2.0)])
async def test_after_its_duration_a_load_begins_nothing_and_ends_what_runs(
    server: Server, arrivals: Arrivals, autojump_clock: MockClock
) -> None:
    found = await run(plan(requests=None, duration_s=2.2, concurrency=1, arrivals=arrivals))
    assert max(server.moments()) <= 2.2
    assert all(attempt.over and attempt.failure is None for attempt in found)
    assert trio.current_time() == pytest.approx(3.0)


async def test_a_talk_pauses_between_a_reply_and_the_next_turn(server: Server, autojump_clock: MockClock) -> None:
    await run(plan(turns=3, requests=1, think_s=(0.5, 0.5)))
    assert server.moments() == [0, 1.5, 3.0]
    assert [kind for _, _, kind in server.sent] == ["start", "message", "message"]


async def test_a_talk_says_nothing_new_after_the_duration(server: Server, autojump_clock: MockClock) -> None:
    (attempt,) = await run(plan(turns=9, requests=None, duration_s=2.0, think_s=(0.5, 0.5)))
    assert server.moments() == [0, 1.5]
    assert attempt.over


async def test_an_interruption_comes_after_words_and_is_no_failure(server: Server, autojump_clock: MockClock) -> None:
    server.words = 40
    (attempt,) = await run(plan(turns=2, requests=1, barge_in=1.0))
    assert attempt.failure is None
    assert [spoken.interrupted for spoken in attempt.turns] == [True, False, True, False]
    assert [spoken.interrupts for spoken in attempt.turns] == [False, True, False, True]
    assert [spoken.turn.outcome for spoken in attempt.turns] == ["cancelled", "done", "cancelled", "done"]
    assert all(spoken.cancel_ms == pytest.approx(0.0) for spoken in attempt.turns if spoken.interrupted)
    heard = [len(spoken.turn.meter.text().split()) for spoken in attempt.turns if spoken.interrupted]
    assert all(2 <= words <= 15 for words in heard)


async def test_a_reply_that_ends_before_its_words_were_heard_is_not_interrupted(
    server: Server, autojump_clock: MockClock
) -> None:
    server.words = 1
    (attempt,) = await run(plan(turns=2, requests=1, barge_in=1.0))
    assert [spoken.turn.outcome for spoken in attempt.turns] == ["done", "done"]


async def test_the_parts_of_a_plan_together_are_the_plan(server: Server, autojump_clock: MockClock) -> None:
    what = plan(requests=7, concurrency=3, arrivals=Arrivals(kind=CONSTANT, rate=4.0))
    whole = await run(what)
    began = trio.current_time()
    parts = [await run(what, Part(index, 3)) for index in range(3)]
    assert sorted(attempt.number for part in parts for attempt in part) == list(range(7))
    assert [attempt.number for attempt in parts[1]] == [1, 4]
    assert began > 0
    assert len(whole) == 7


async def test_a_run_that_is_cut_off_still_tells_what_its_conversations_had(
    server: Server, autojump_clock: MockClock
) -> None:
    server.words = 5
    found: list[Attempt] = []
    with trio.move_on_after(0.8):
        await Load(plan(turns=3, requests=2, concurrency=2), COMMON, found.append, note=lambda _: None).run()
    records = [attempt_record(attempt, 0.0) for attempt in found]
    assert [(record["over"], record["failure"]) for record in records] == [(False, None)] * 2
    outcomes = [[spoken.turn.outcome for spoken in attempt.turns] for attempt in found]
    assert outcomes == [["done", "closed"]] * 2
