"""Peers that are gone without a word, that never read, or that take one byte at a time. Protocol, sections 1, 3, 7."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from engines.scripted import ScriptedEngine
from tests.attacks.raw import Raw, closing, dialled, upgraded
from tests.attacks.scene import KEY, Scene, attacked, talkative
from tooling.benchmarks.bystander.frames import CLOSE, PING, PONG, TEXT, frame, message, start, upgrade

INTERVAL_S = 0.4
GONE_S = 5 * INTERVAL_S + 2
"""Two intervals without an answer, after one of silence; the rest is a busy machine's."""


async def _until_alone(scene: Scene, within_s: float) -> None:
    """Return when only the bystander holds a slot."""
    with trio.fail_after(within_s):
        while scene.place.server.slots.taken > 1 or len(scene.place.server.connections) > 1:
            await trio.sleep(0.01)


@asynccontextmanager
async def _seated(scene: Scene, receive_buffer: int | None = None) -> AsyncIterator[Raw]:
    """A connection that holds a slot."""
    async with dialled(scene.port, receive_buffer=receive_buffer) as raw:
        await raw.send(upgrade(KEY))
        await raw.through()
        await raw.send(message("ping", "p-1", {}))
        assert (await raw.answer())["type"] == "pong"
        yield raw


async def test_a_silent_server_pings() -> None:
    async with attacked(WS_PING_INTERVAL_S=str(INTERVAL_S)) as scene, _seated(scene) as raw:
        for _ in range(4):
            began = trio.current_time()
            opcode, payload = await raw.frame()
            assert opcode == PING
            assert trio.current_time() - began > INTERVAL_S / 2
            await raw.send(frame(payload, PONG))
        await raw.send(message("ping", "p-2", {}))
        assert (await raw.answer())["type"] == "pong"


async def test_a_server_told_not_to_ping_does_not() -> None:
    async with attacked(WS_PING_INTERVAL_S="0") as scene, _seated(scene) as raw:
        with trio.move_on_after(3 * INTERVAL_S):
            raise AssertionError(await raw.frame())


async def test_a_peer_that_answers_no_ping_is_gone_after_two_intervals_and_its_slot_is_free() -> None:
    async with attacked(WS_PING_INTERVAL_S=str(INTERVAL_S)) as scene, _seated(scene) as raw:
        began = trio.current_time()
        await _until_alone(scene, GONE_S)
        assert trio.current_time() - began > 1.5 * INTERVAL_S
        await raw.everything(5)


async def test_a_peer_that_answers_with_anything_but_a_pong_is_alive() -> None:
    """A client whose library hides pings but which talks is there: only silence is a sign."""
    async with attacked(WS_PING_INTERVAL_S=str(INTERVAL_S)) as scene, _seated(scene) as raw:
        for number in range(12):
            await raw.send(message("ping", f"p-{number}", {}))
            assert (await raw.answer())["type"] == "pong"
            await trio.sleep(INTERVAL_S / 2)


async def test_a_peer_that_vanished_in_the_middle_of_a_reply_has_its_turn_aborted() -> None:
    settings = {"WS_PING_INTERVAL_S": str(INTERVAL_S), "WS_SEND_TIMEOUT_S": "1"}
    async with attacked(talkative(), **settings) as scene, _seated(scene) as raw:
        await raw.send(message("start", "r-1", start("tell me a long story")))
        assert (await raw.answer())["type"] == "ack"
        assert isinstance(scene.place.engine, ScriptedEngine)
        scene.place.engine.stopped = "it thinks"  # what is streamed shows that the peer takes it
        await _until_alone(scene, GONE_S)
        assert scene.place.engine.aborted
        scene.place.engine.stopped = None


async def test_no_ping_is_sent_while_a_reply_is_streamed() -> None:
    async with attacked(talkative(), WS_PING_INTERVAL_S="0.2") as scene, _seated(scene) as raw:
        await raw.send(message("start", "r-1", start("tell me a long story")))
        tokens = 0
        while True:
            opcode, payload = await raw.frame()
            tokens += payload.startswith(b'{"type":"token"')
            if tokens == 20:
                return
            assert opcode == TEXT


async def test_control_frames_are_no_activity() -> None:
    async with attacked(WS_IDLE_TIMEOUT_S="1", WS_PING_INTERVAL_S="0.3") as scene, _seated(scene) as raw:
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_ping_for_ever, raw)
            end = await raw.ended(answers=True)
            nursery.cancel_scope.cancel()
        assert (end.code, end.reason) == (4000, "idle_timeout")
        assert trio.current_time() - began < 20, "counted, they would keep it for ever"


async def _ping_for_ever(raw: Raw) -> None:
    while True:
        await raw.send(frame(b"", PING) + frame(b"", PONG))
        await trio.sleep(0.1)


async def test_a_ping_that_crosses_our_close_is_no_crash() -> None:
    async with attacked() as scene:
        for behind in (
            frame(b"", PING),
            frame(b"", PONG) * 100,
            message("ping", "p-2", {}),
            frame(b"\xff"),
            b"\xff" * 50,
        ):
            async with _seated(scene) as raw:
                await raw.send(message("end", "bye", {}) + behind)
                end = await raw.ended(answers=True)
            if b"\xff" in behind:  # the fault may be read before the goodbye is said
                assert end.code in (1000, 1002, 1007)
            else:
                assert (end.code, end.types) == (1000, ["session_end"]), behind[:20]
            async with _seated(scene) as raw:
                await raw.send(message("end", "bye", {}))
                while (await raw.frame())[0] != CLOSE:
                    pass
                await raw.send(behind + closing(1000))
                await raw.everything(5)


async def test_a_goodbye_that_is_not_answered_is_over_in_seconds() -> None:
    async with attacked() as scene, _seated(scene) as raw:
        await raw.send(message("end", "bye", {}))
        await _until_alone(scene, 4)
        await raw.everything(5)


async def test_a_peer_that_never_reads_is_closed_and_its_turn_aborted() -> None:
    async with attacked(WS_SEND_TIMEOUT_S="0.5") as scene:
        async with _seated(scene, receive_buffer=2048) as raw:
            ask = message("ping", "p" * 120, {}) * 200
            with trio.move_on_after(6):
                while scene.place.server.slots.taken > 1:
                    with trio.move_on_after(0.2):
                        await raw.send(ask)
            await _until_alone(scene, 4)


async def test_a_reader_of_one_byte_at_a_time_gets_every_frame_whole() -> None:
    async with attacked() as scene, _seated(scene, receive_buffer=2048) as raw:
        await raw.send(message("start", "r-1", start()))
        received = bytearray()
        with trio.fail_after(10):
            while b'"type":"done"' not in received or not received.endswith(b"}}}"):
                received += await raw.stream.receive_some(1)
        assert received.count(b'"type":"token"') >= 1
        assert received.count(b'"type":"final"') == 1


async def test_a_writer_of_one_byte_at_a_time_is_served() -> None:
    async with attacked() as scene, upgraded(scene.port, KEY) as raw:
        for byte in message("start", "r-1", start()) + message("ping", "p-1", {}):
            await raw.send(bytes((byte,)))
        ends: set[str] = set()
        while ends != {"done", "pong"}:
            answer = await raw.answer()
            ends |= {answer["type"]} & {"done", "pong"}


async def test_two_of_everything_at_once() -> None:
    """The same frame twice in one segment: each has its own answer, in order."""
    async with attacked() as scene, upgraded(scene.port, KEY) as raw:
        await raw.send(message("start", "r-1", start()) * 2)
        await raw.send(message("ping", "p-1", {}) * 2 + message("cancel", "r-1", {}) * 2 + frame(b"a", PING) * 2)
        await raw.send(message("end", "bye", {}) * 2 + closing(1000))
        end = await raw.ended(answers=True)
        assert end.types.count("pong") <= 2
        assert "duplicate_request_id" in end.reason_codes
        assert end.types.count("session_end") <= 1
        assert end.code == 1000
