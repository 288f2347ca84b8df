"""Moments as words, and the frames that carry them."""

import time

from hypothesis import given
from hypothesis import strategies as st

from actors.session.sanitizer import Sanitizer
from protocol.frames import Address, Frame
from tooling.benchmarks.fanout.__main__ import held_tokens
from tooling.benchmarks.fanout.listeners import Listener, delays
from tooling.benchmarks.fanout.token_frames import frame, head
from tooling.benchmarks.scripted.stamps import LENGTH, SYLLABLES, WRAPS, moments, stamp


def test_a_stamp_is_the_moment_in_which_it_was_made() -> None:
    before = time.monotonic_ns() // 1000 % WRAPS
    (moment,) = moments(stamp())
    assert (moment - before) % WRAPS < 10_000_000


@given(st.lists(st.lists(st.sampled_from(SYLLABLES), min_size=LENGTH, max_size=LENGTH), min_size=1, max_size=8))
def test_the_sanitizer_leaves_stamps_readable(words: list[list[str]]) -> None:
    text = "".join(" " + "".join(word) for word in words)
    sanitizer = Sanitizer()
    assert moments(sanitizer.push(text) + sanitizer.flush()) == moments(text)


def test_a_delay_counts_from_the_step_that_let_the_token_go() -> None:
    assert held_tokens() == 1
    steps = [" babababaca", " babababaci", " babababada"]
    moment = [moments(word)[0] for word in steps]
    frames = [b'{"type":"token","payload":{"text":"%s"}}' % word.encode() for word in steps]
    listener = Listener.__new__(Listener)
    listener.came = [
        (at + 3000, bytes((0x81, len(frame))) + frame) for at, frame in zip([*moment[1:], 9**9], frames, strict=True)
    ]
    count, found = delays([listener], 0, 9**10, held=1)
    assert count == 3
    assert found == [3.0, 3.0]


def test_the_rivals_send_the_frames_that_ours_sends() -> None:
    started = '{"type":"start","session_id":"s","request_id":"r","payload":{}}'
    ours = Frame("token", Address("s", "r"), {"text": ' so "so"'}).encode()
    assert frame(head(started), ' so "so"').encode() == ours
