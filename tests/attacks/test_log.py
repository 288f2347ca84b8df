"""Everything that is logged while a server is attacked, in both formats: no key, no text, no locals, one line each."""

import json
from collections.abc import Iterator

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.attacks.raw import DEFLATE, Raw, dialled, masked
from tests.attacks.scene import KEY, PROMPT, UTTERANCE, WRONG_KEY
from tests.attacks.victim import Victim, check_log, descriptors, victim
from tests.e2e.client import connected
from tests.e2e.plain import exchange
from tooling.benchmarks.bystander.frames import BINARY, PING, TEXT, frame, message, start, upgrade

FEW = settings(
    max_examples=settings().max_examples // 2,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
SECRET_START = message("start", "r-1", start(UTTERANCE, chat_prompt=PROMPT))
KEYS = st.sampled_from([None, KEY, WRONG_KEY])
FRAMES = st.one_of(
    st.builds(masked, st.integers(0, 255), st.binary(max_size=200)),
    st.builds(
        lambda first, text: masked(first, (UTTERANCE + text).encode()), st.integers(0, 255), st.text(max_size=40)
    ),
    st.sampled_from(
        [
            SECRET_START,
            frame(b"", PING),
            frame(b"\xff"),
            frame(UTTERANCE.encode(), BINARY),
            b"\x81\x05hello",
            b"\x00\x00",
        ]
    ),
    st.binary(max_size=64),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.just(UTTERANCE)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=12), inner, max_size=4)),
    max_leaves=12,
)
FIELDS = st.dictionaries(
    st.sampled_from(
        [
            "chat_prompt",
            "user_utterance",
            "analysis_text",
            "history",
            "sampling",
            "played",
            "gender",
            "personality",
            "reason",
        ]
    ),
    VALUES,
    max_size=6,
)
TALK = st.builds(
    lambda kind, request_id, payload: frame(
        json.dumps({"type": kind, "session_id": "s", "request_id": request_id, "payload": payload}).encode(
            errors="replace"
        )
    ),
    st.sampled_from(["start", "message", "followup", "cancel", "ping", "pong", "end", "whatever", ""]),
    st.one_of(st.sampled_from(["r-1", "r-2"]), st.integers(0, 9), VALUES),
    st.one_of(FIELDS, VALUES),
)


@pytest.fixture(scope="module")
def talks_plainly() -> Iterator[Victim]:
    """A server that logs text."""
    with victim(APP_LOG_FORMAT="text", WS_COMPRESSION="1") as running:
        yield running


@pytest.fixture(params=["text", "json"])
def heard(request: pytest.FixtureRequest) -> Iterator[Victim]:
    """A server that logs at debug in one of the formats; then its log is read, and nothing may be left."""
    running: Victim = request.getfixturevalue("talks_plainly" if request.param == "text" else "program")
    before = descriptors(running)
    yield running
    trio.run(_converse, running.port)
    trio.run(_until_back, running, before)
    check_log(running)


async def _attack(port: int, data: bytes) -> None:
    """Send it all, let the server answer, end the connection; the server ends it too, in bounded time."""
    async with dialled(port) as raw:
        await raw.send(data)
        with trio.move_on_after(0.02):
            await raw.through(b"\xff never sent")
        await _half_close(raw)
        await raw.everything(8)


async def _half_close(raw: Raw) -> None:
    try:
        await raw.stream.send_eof()
    except trio.BrokenResourceError:
        return


@FEW
@given(data=st.binary(max_size=400))
def test_random_bytes_instead_of_a_request(heard: Victim, data: bytes) -> None:
    trio.run(_attack, heard.port, data)


@FEW
@given(key=KEYS, splice=st.tuples(st.integers(0, 400), st.integers(0, 20), st.binary(max_size=40)), tail=FRAMES)
def test_a_handshake_with_something_wrong_in_it(
    heard: Victim, key: str | None, splice: tuple[int, int, bytes], tail: bytes
) -> None:
    head = upgrade(key, DEFLATE)
    at, cut, put = splice
    trio.run(_attack, heard.port, head[:at] + put + head[at + cut :] + tail)


@FEW
@given(key=KEYS, deflate=st.booleans(), frames=st.lists(FRAMES, max_size=6))
def test_random_frames_behind_a_handshake(heard: Victim, key: str | None, deflate: bool, frames: list[bytes]) -> None:
    trio.run(_attack, heard.port, upgrade(key, DEFLATE if deflate else ()) + b"".join(frames))


@FEW
@given(talk=st.lists(TALK, min_size=1, max_size=6))
def test_random_talk_in_sound_frames(heard: Victim, talk: list[bytes]) -> None:
    trio.run(_attack, heard.port, upgrade(KEY) + SECRET_START + b"".join(talk))


async def test_keys_in_every_place_of_a_request(heard: Victim) -> None:
    port = heard.port
    for target in (
        f"/{KEY}",
        f"/ws?api_key={KEY}",
        f"/ws?api_key={WRONG_KEY}",
        f"/ws?key={KEY}&api_key=%",
        f"http://{KEY}/",
    ):
        for head in (upgrade(None, path=target), upgrade(WRONG_KEY, [("Cookie", KEY), ("Origin", KEY)], path=target)):
            async with dialled(port) as raw:
                await raw.send(head + frame(KEY.encode(), TEXT) + b"\xff" * 20)
                await raw.everything(8)
    for wrong in (f"GET / HTTP/1.1\r\n{KEY}\r\n\r\n", f"{KEY} / HTTP/1.1\r\n\r\n", f"GET /\x00{KEY} HTTP/1.1\r\n\r\n"):
        assert KEY.encode() not in await exchange(port, wrong.encode())


async def _converse(port: int) -> None:
    async with connected(port, KEY) as client:
        await client.start()
        assert (await client.rest())[-1]["type"] == "done"


async def _until_back(program: Victim, descriptors_before: int) -> None:
    with trio.fail_after(10):
        while descriptors(program) > descriptors_before:
            await trio.sleep(0.05)
