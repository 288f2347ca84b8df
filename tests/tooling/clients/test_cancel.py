"""The cancel client: against our server, and its timing on a virtual clock against a stand-in."""

from collections.abc import Sequence

import trio
from trio.testing import MockClock

from engines.scripted import Script
from tests.runtime.serving import says, serving, talks
from tests.tooling.clients.cells import Ran, ran, streams_apart
from tests.tooling.clients.faulty.host import Host, Manners, hosting
from tests.tooling.clients.faulty.steps import STORY, Say, Step, Wait, ack, done, final
from tests.tooling.clients.faulty.wire import Frame
from tests.tooling.clients.house import KEY
from tooling.clients.cancel.__main__ import CLIENT

LIMIT_S = 60
QUICK = ("--cancel-delay", "0.2", "--drain-timeout", "0.3", "--post-cancel-wait", "0.1")
PHASES = ("cancel", "drain", "repeat", "recovery")


async def against_ours(script: Script, *argv: str, **settings: str) -> tuple[Ran, int]:
    """The client against our server; and how many requests of it the engine aborted."""
    async with serving(script, **settings) as place:
        with trio.fail_after(LIMIT_S), streams_apart():
            done = await ran(CLIENT, argv, f"127.0.0.1:{place.port}", {"TEXT_API_KEY": KEY})
        await place.until_idle()
        return done, len(place.engine.aborted)


def virtually(manners: Manners, *argv: str) -> tuple[Ran, Host]:
    """The client against a stand-in, in no time."""

    async def both() -> tuple[Ran, Host]:
        with trio.fail_after(600):
            async with hosting(manners) as host:
                return await ran(CLIENT, argv, host.url), host

    with streams_apart():
        return trio.run(both, clock=MockClock(autojump_threshold=0.02))


def lines_of(ended: Ran) -> list[str]:
    """The result lines and the verdict, without the blocks."""
    return [line for line in ended.out.splitlines() if line[:1] in "✓✗"]


async def test_our_server_passes_with_one_line_a_phase() -> None:
    ended, aborted = await against_ours(talks(60, 0.02), *QUICK)
    assert ended.code == 0, ended.out + ended.err
    passed = [f"✓ [{name}] PASS" for name in (*PHASES, "client-1", "client-2")]
    assert lines_of(ended) == [*passed, "✓ PASS All 6 tests passed"]
    assert ended.out.splitlines()[-1] == "✓ PASS All 6 tests passed"
    assert aborted == 1, "of three stories one was stopped"
    assert not ended.err


def test_the_document_has_the_turns_and_the_phases() -> None:
    ended, _ = virtually(Manners(), "--clients", "2", "--json")
    told = ended.document
    assert (told["ok"], told["config"]["clients"], told["failures"]) == (True, 2, [])
    assert sorted((turn["label"], turn["kind"], turn["outcome"]) for turn in told["turns"]) == [
        ("cancel", "start", "cancelled"),
        ("client-1", "start", "done"),
        ("recovery", "message", "done"),
    ]
    phases = told["summary"]["phases"]
    assert [(phase["name"], phase["result"]) for phase in phases] == [
        (name, "passed") for name in (*PHASES, "client-1")
    ]
    assert phases[0]["answered_ms"] == 0.0, "no time passes where nothing is waited for"


def test_one_client_alone_is_cancelled_too() -> None:
    ended, _ = virtually(Manners(), "--clients", "1", "--quiet")
    assert (ended.code, ended.out, ended.err) == (0, "✓ PASS All 4 tests passed\n", "")


async def test_a_story_that_is_too_short_is_asked_for_twice_and_is_no_failure() -> None:
    ended, aborted = await against_ours(says("Once."), "--clients", "2")
    assert (ended.code, aborted) == (4, 0)
    assert lines_of(ended) == [
        "✗ [cancel] FAIL: reply too short to cancel",
        "✓ [client-1] PASS",
        "✗ FAIL 1 passed, 1 failed, 3 not run: reply too short to cancel",
    ]


async def test_a_server_with_too_few_places_turns_somebody_away_and_the_others_go_on() -> None:
    ended, _ = await against_ours(talks(60, 0.02), *QUICK, MAX_CONCURRENT_CONNECTIONS="2")
    assert ended.code == 1
    failed = [line for line in lines_of(ended) if line.startswith("✗ [")]
    assert len(failed) == 1
    assert "server_at_capacity/no_slot" in failed[0]


def silent_after(tokens: int) -> Manners:
    """A reply that says something, then nothing for a long time."""

    def turn(frame: Frame) -> list[Step]:
        said: list[Step] = [Say("token", {"text": word}) for word in STORY[:tokens]]
        return [ack(frame), Wait(2.5), *said, Wait(20.0), final(said), done()]

    return Manners(turn=turn)


def moments(host: Host, client: int = 0) -> Sequence[tuple[str, float]]:
    """What a client sent, and when: seconds after its first frame."""
    visit = host.visits[client]
    return [
        (frame["type"], round(at - visit.seen_at[0], 2)) for frame, at in zip(visit.seen, visit.seen_at, strict=True)
    ]


def test_the_cancel_goes_out_by_the_clock_and_not_by_the_next_frame() -> None:
    ended, host = virtually(silent_after(1), "--cancel-delay", "3", "--clients", "1", "--timeout", "60")
    assert ended.code == 0, ended.out
    assert moments(host)[:4] == [("start", 0.0), ("cancel", 5.5), ("cancel", 7.5), ("message", 9.5)]


def test_all_send_at_once_and_stay_until_the_one_that_cancels_is_done() -> None:
    ended, host = virtually(Manners(), "--clients", "4", "--post-cancel-wait", "15")
    assert ended.code == 0, ended.out
    starts = [visit.seen_at[0] for visit in host.visits]
    ends = [
        next(at for frame, at in zip(visit.seen, visit.seen_at, strict=True) if frame["type"] == "end")
        for visit in host.visits
    ]
    assert len(set(starts)) == 1, "at once"
    assert len(host.visits) == 4
    assert max(ends) - min(ends) < 0.01, "nobody leaves early"


def test_a_reply_over_before_the_delay_is_cancelled_at_its_first_token_the_second_time() -> None:
    def short_then_long(frame: Frame) -> list[Step]:
        said: list[Step] = [Say("token", {"text": "once"})]
        tail = [] if frame["type"] == "start" else [Wait(20.0)]
        return [ack(frame), *said, *tail, final(said), done()]

    ended, host = virtually(Manners(turn=short_then_long), "--clients", "1", "--timeout", "60")
    assert [kind for kind, _ in moments(host)] == ["start", "message", "cancel", "cancel", "message", "end"]
    assert ended.code == 0, ended.out
    assert moments(host)[2][1] == 0.0
    story = host.visits[0].seen[0]["payload"]["user_utterance"]
    assert host.visits[0].seen[1]["payload"] == {"user_utterance": story}


def test_what_others_suffer_is_told_by_name() -> None:
    def harmed(frame: Frame) -> list[Step]:
        said: list[Step] = [Say("token", {"text": word}) for word in STORY]
        return [
            ack(frame),
            said[0],
            Wait(1.5),
            Say("cancelled", {"reason": "client_request", "turn": frame["request_id"]}),
        ]

    failing, _ = virtually(Manners(turn=harmed), "--clients", "3", "--json")
    kinds = {(failure["where"], failure["kind"]) for failure in failing.document["failures"]}
    assert {("client-1", "cancelled"), ("client-2", "cancelled")} <= kinds
    assert failing.code == 1


def test_cancel_and_start_carry_what_the_protocol_wants() -> None:
    ended, host = virtually(Manners(), "--clients", "2", "--gender", "MAN", "--personality", "savage")
    assert ended.code == 0, ended.out
    frames = host.visits[0].seen
    turn = frames[0]["request_id"]
    assert [frame["type"] for frame in frames] == ["start", "cancel", "cancel", "message", "end"]
    assert [frame["request_id"] == turn for frame in frames] == [True, True, True, False, False]
    assert all(frame["payload"] == {"reason": "client_request"} for frame in frames[1:3])
    assert (frames[0]["payload"]["gender"], frames[0]["payload"]["personality"]) == ("male", "savage")
    assert len({visit.seen[0]["session_id"] for visit in host.visits}) == 2
    assert all(visit.seen[0]["session_id"].startswith("cancel-") for visit in host.visits)
