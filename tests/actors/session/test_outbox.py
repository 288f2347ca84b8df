"""The outbox: order, merging, dropping, its bound, and what counts as sent."""

import json
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from actors.session.effects import Hangup
from actors.session.outbox import Outbox
from protocol.frames import Address, Frame, token_head

ADDRESS = Address("s", "r")
HEAD = token_head(ADDRESS)


def outbox(limit: int = 10_000) -> Outbox:
    return Outbox(limit, clock=lambda: 0.0)


def taken(box: Outbox) -> list[tuple[str, Any]]:
    frames = [json.loads(frame) for frame in box.take()]
    return [(frame["type"], frame["payload"].get("text")) for frame in frames]


def test_text_of_one_turn_that_waits_is_one_frame() -> None:
    box = outbox()
    for text in ("a", 'b"', "é\n"):
        box.put_text(1, HEAD, text)
    assert taken(box) == [("token", 'ab"é\n')]
    assert box.size == 0


def test_text_never_merges_across_another_frame_or_turn() -> None:
    box = outbox()
    box.put_text(1, HEAD, "a")
    box.put(Frame("pong", ADDRESS))
    box.put_text(1, HEAD, "b")
    box.put_text(2, HEAD, "c")
    assert taken(box) == [("token", "a"), ("pong", None), ("token", "b"), ("token", "c")]


def test_dropping_a_turn_forgets_its_unsent_text_and_nothing_else() -> None:
    box = outbox()
    box.put(Frame("ack", ADDRESS))
    box.put_text(1, HEAD, "sent")
    assert len(box.take()) == 2
    box.put_text(1, HEAD, "unsent")
    box.put(Frame("pong", ADDRESS))
    box.put_text(1, HEAD, "unsent too")
    box.drop(1)
    assert taken(box) == [("pong", None)]
    assert box.sent_text(1) == "sent"
    assert box.size == 0


def test_only_text_that_the_writer_took_counts_as_sent() -> None:
    box = outbox()
    box.put_text(1, HEAD, "a")
    assert box.sent_text(1) == ""
    box.take()
    box.put_text(1, HEAD, "b")
    assert box.sent_text(1) == "a"
    box.take()
    assert box.sent_text(1) == "ab"
    assert box.sent_text(2) == ""


def test_a_frame_over_the_limit_overflows_unless_nothing_else_waits() -> None:
    box = outbox(100)
    box.put(Frame("final", ADDRESS, {"normalized_text": "x" * 1000}))
    fitted = not box.overflowed
    box.put(Frame("pong", ADDRESS))
    assert (fitted, box.overflowed) == (True, True)
    assert len(box.take()) == 1


def test_growing_text_overflows_like_a_frame() -> None:
    box = outbox(300)
    for _ in range(10):
        box.put_text(1, HEAD, "x" * 50)
    assert box.overflowed
    assert box.size <= 300


def test_the_last_frames_of_a_turn_always_fit_but_what_follows_must() -> None:
    box = outbox(300)
    box.put_text(1, HEAD, "x" * 150)
    box.put_text(1, HEAD, "z" * 150, ends=True)
    box.put(Frame("final", ADDRESS, {"normalized_text": "x" * 500}), ends=True)
    box.put(Frame("done", ADDRESS), ends=True)
    fitted = not box.overflowed
    box.put(Frame("pong", ADDRESS))
    assert (fitted, box.overflowed) == (True, True)
    box.put(Frame("done", ADDRESS), ends=True)
    assert [kind for kind, _ in taken(box)] == ["token", "final", "done"]


def test_text_that_just_fits_is_followed_by_its_end() -> None:
    box = outbox(300)
    box.put_text(1, HEAD, "x")
    box.put_text(1, HEAD, "y" * (300 - box.size))
    assert (box.size, box.overflowed) == (300, False)
    box.put(Frame("done", ADDRESS), ends=True)
    assert [kind for kind, _ in taken(box)] == ["token", "done"]


async def test_what_comes_while_the_writer_has_nothing_to_send_always_fits() -> None:
    box = outbox(100)
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(box.wait)
            await trio.testing.wait_all_tasks_blocked()
            for number in range(5):
                box.put(Frame("toolcall", ADDRESS, {"n": number}))
                box.put_text(1, HEAD, "held text " * 10)
            box.flush()
    fitted = not box.overflowed
    assert len(box.take()) == 10
    box.put(Frame("pong", ADDRESS, {"x": "y" * 90}))  # the writer is sending: from here on the client can be late
    box.put(Frame("pong", ADDRESS))
    assert (fitted, box.overflowed) == (True, True)


def test_after_an_overflow_nothing_more_is_taken_in() -> None:
    box = outbox(100)
    box.put(Frame("ack", ADDRESS, {"x": "y" * 90}))
    box.put(Frame("ack", ADDRESS))
    box.take()
    box.put(Frame("ack", ADDRESS))
    assert box.take() == []


def test_after_the_goodbye_nothing_more_is_taken_in_and_the_first_reason_stays() -> None:
    box = outbox()
    box.put(Frame("session_end", ADDRESS))
    box.close(Hangup.CLIENT_REQUEST)
    box.close(Hangup.SLOW_CONSUMER, lingers=True)
    box.put(Frame("pong", ADDRESS))
    assert taken(box) == [("session_end", None)]
    assert (box.hangup, box.lingers) == (Hangup.CLIENT_REQUEST, True)


def test_a_done_learns_when_its_first_token_was_handed_to_the_socket() -> None:
    now = 100.0
    box = Outbox(10_000, clock=lambda: now)
    done = Frame("done", ADDRESS, {"timings": {"ttft_ms": None, "total_ms": 9.0}})
    box.put_text(1, HEAD, "a")
    now = 100.25
    box.take()
    now = 101.0
    box.put(done, turn=1, read_at=100.0)
    assert json.loads(box.take()[0])["payload"]["timings"] == {"ttft_ms": 250.0, "total_ms": 9.0}


@pytest.mark.parametrize("deed", ["put", "put_text", "close", "overflow"])
async def test_whoever_waits_wakes_up_when_there_is_something_to_do(deed: str) -> None:
    box = outbox(100)
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(box.wait)
            await trio.testing.wait_all_tasks_blocked()
            match deed:
                case "put":
                    box.put(Frame("pong", ADDRESS))
                    box.flush()
                case "put_text":
                    box.put_text(1, HEAD, "a")
                    box.flush()
                case "close":
                    box.close(Hangup.GONE)
                case "overflow":
                    box.put(Frame("final", ADDRESS, {"t": "x" * 200}))
                    box.put(Frame("pong", ADDRESS))
                    box.flush()


async def test_after_an_overflow_the_writer_has_nothing_to_do_until_the_goodbye() -> None:
    box = outbox(100)
    box.put(Frame("ack", ADDRESS, {"x": "y" * 90}))
    box.put(Frame("ack", ADDRESS))
    assert box.overflowed
    with trio.move_on_after(0.05) as patience:
        await box.wait()
    assert patience.cancelled_caught
    box.close(Hangup.SLOW_CONSUMER)
    with trio.fail_after(5):
        await box.wait()


@pytest.mark.parametrize("why", [Hangup.GONE, Hangup.SLOW_CONSUMER])
def test_nobody_goes_on_sending_to_a_client_that_is_gone(why: Hangup) -> None:
    box = outbox()
    box.close(why)
    assert box.sending.cancel_called


async def test_dropped_text_wakes_nobody_for_nothing() -> None:
    box = outbox()
    box.put_text(1, HEAD, "a")
    box.drop(1)
    with trio.move_on_after(0.05) as patience:
        await box.wait()
    assert patience.cancelled_caught


DEEDS = st.lists(
    st.one_of(
        st.tuples(st.just("text"), st.integers(1, 3), st.sampled_from(["a", "é", "😀\n", "x" * 40])),
        st.tuples(st.just("frame"), st.integers(1, 3), st.just("")),
        st.tuples(st.just("drop"), st.integers(1, 3), st.just("")),
        st.tuples(st.just("take"), st.just(0), st.just("")),
    ),
    max_size=40,
)


@given(DEEDS)
def test_any_use_keeps_the_order_loses_only_what_was_dropped_and_stays_within_the_bound(
    deeds: list[tuple[str, int, str]],
) -> None:
    box = outbox(400)
    waiting: list[tuple[int, str]] = []
    got: list[tuple[int, str]] = []
    expected: list[tuple[int, str]] = []
    for deed, turn, text in deeds:
        match deed:
            case "text":
                box.put_text(turn, token_head(Address("s", str(turn))), text)
                waiting += [(turn, character) for character in text]
            case "frame":
                box.put(Frame("pong", Address("s", str(turn))))
                waiting.append((turn, "PONG"))
            case "drop":
                box.drop(turn)
                waiting = [entry for entry in waiting if entry[0] != turn or entry[1] == "PONG"]
        if box.overflowed:
            break
        assert box.size <= box.limit
        assert bool(box.size) == bool(waiting)
        if deed == "take":
            expected, waiting = expected + waiting, []
            for frame in map(json.loads, box.take()):
                pieces = frame["payload"].get("text", ["PONG"])
                got += [(int(frame["request_id"]), piece) for piece in pieces]
            assert got == expected
