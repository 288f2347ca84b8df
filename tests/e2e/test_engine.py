"""The whole server with real vLLM on the CPU and the demo checkpoint: one start for most tests, in their order here."""

import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import trio

from tests.e2e import demo
from tests.e2e.client import Client, Frame, connected, kinds_of, text_of
from tests.e2e.plain import fetch
from tests.e2e.program import Program, assert_nothing_left

pytestmark = pytest.mark.engine

START_S = 300.0
STEP_TOKENS = 2048  # the default of MAX_NUM_BATCHED_TOKENS_CHAT
STORY = "Tell me a long story, please."
SMALL_TALK = (
    "Hello, how are you?",
    "What is your name?",
    "What did you do today?",
    "Do you like music?",
    "I like long walks by the river.",
    "It rains here all day.",
    "Tell me a joke.",
    "That was funny.",
    "What do you like to eat?",
    "I had soup.",
)


@pytest.fixture(scope="module")
def demo_chat() -> Path:
    """The demo checkpoint."""
    return demo.demo_chat()


def _served(demo_chat: Path, **more: str) -> Program:
    return Program(
        {
            "INFERENCE_ENGINE": "vllm",
            "CHAT_MODEL": str(demo_chat),
            "CHAT_MAX_LEN": "8192",
            "HISTORY_MAX_TOKENS": "6000",
            "TRIMMED_HISTORY_LENGTH": "5000",
            "CHAT_MAX_NUM_SEQS": "16",
            "CHAT_KV_CACHE_BYTES": "268435456",
            "ENFORCE_EAGER": "1",
            "METRICS_ENABLED": "1",
            "WS_MAX_MESSAGES_PER_WINDOW": "0",
            **more,
        },
        yields=True,
    )


@pytest.fixture(scope="module")
def server(demo_chat: Path) -> Iterator[Program]:
    """The server that most tests share. The last of them end it."""
    running = _served(demo_chat)
    try:
        yield running.wait_ready(START_S)
    finally:
        running.bury()


async def _metric(port: int, name: str) -> float:
    page = (await fetch(port, "/metrics")).body.decode()
    found = re.search(rf"^\w*{name} (\S+)$", page, re.MULTILINE)
    assert found is not None, page
    return float(found[1])


async def _until_engine_is_empty(port: int, within_s: float = 5.0) -> None:
    """Return when vLLM's own count of unfinished requests is 0 and no abort is unconfirmed."""
    with trio.fail_after(within_s):
        while await _metric(port, "engine_unfinished_requests") or await _metric(port, "unconfirmed_aborts"):
            await trio.sleep(0.05)


async def _turn(client: Client, request_id: str, text: str) -> list[Frame]:
    await (client.start(request_id, text) if request_id == "r-0" else client.message(request_id, text))
    with trio.fail_after(60):
        return await client.rest()


async def test_a_reply_streams(server: Program) -> None:
    async with connected(server.port) as client:
        frames = await _turn(client, "r-0", STORY)
        assert kinds_of(frames) == ["ack", "token", "final", "done"]
        assert len([frame for frame in frames if frame["type"] == "token"]) > 5
        assert frames[-2]["payload"]["normalized_text"] == text_of(frames)
        done = frames[-1]["payload"]
        assert done["finish_reason"] in ("stop", "length")
        usage = done["usage"]
        assert 5 < usage["completion_tokens"] <= 150
        assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
        assert isinstance(usage["cached_tokens"], int)
        assert done["timings"]["ttft_ms"] < done["timings"]["total_ms"]


async def test_ten_messages_get_ten_replies(server: Program) -> None:
    async with connected(server.port) as client:
        for number, text in enumerate(SMALL_TALK):
            frames = await _turn(client, f"r-{number}", text)
            assert frames[-1]["type"] == "done", frames[-1]
            assert text_of(frames)
            assert {frame["request_id"] for frame in frames} == {f"r-{number}"}


async def test_a_greedy_reply_is_the_same_again(server: Program) -> None:
    replies = []
    for _ in range(2):
        async with connected(server.port) as client:
            await client.start("r-0", SMALL_TALK[0], sampling={"temperature": 0})
            replies.append(text_of(await client.rest()))
    assert replies[0] == replies[1]


async def test_a_prompt_that_takes_several_scheduler_steps_is_answered_and_not_always_alike(server: Program) -> None:
    said = " ".join(SMALL_TALK)
    history = [{"role": ("user", "assistant")[number % 2], "content": f"{said} {number}"} for number in range(50)]
    replies = set()
    async with AsyncExitStack() as stack:
        for _ in range(3):
            client = await stack.enter_async_context(connected(server.port))
            await client.start("r-0", STORY, history=history, sampling={"temperature": 1.2})
            with trio.fail_after(60):
                frames = await client.rest()
            assert frames[-1]["type"] == "done", frames[-1]
            assert frames[-1]["payload"]["usage"]["prompt_tokens"] > STEP_TOKENS
            replies.add(text_of(frames))
    assert len(replies) > 1, "sampling is random"


async def test_a_cancel_in_the_stream_reaches_the_engine(server: Program) -> None:
    async with connected(server.port) as client:
        for number in range(5):
            await (client.start("r-0", STORY) if not number else client.message(f"r-{number}", STORY))
            await client.until("token")  # the first of twenty and more
            began = trio.current_time()
            await client.say("cancel", f"c-{number}")
            cancelled = (await client.rest())[-1]
            assert trio.current_time() - began < 5.0
            assert (cancelled["type"], cancelled["payload"]["turn"]) == ("cancelled", f"r-{number}")
            await client.quiet(0.2)
        await _until_engine_is_empty(server.port)
        assert (await _turn(client, "r-9", SMALL_TALK[0]))[-1]["type"] == "done"


async def test_a_barge_in_is_answered_at_once(server: Program) -> None:
    async with connected(server.port) as client:
        await client.start("r-0", STORY)
        await client.until("token")
        await client.message("r-1", SMALL_TALK[0])
        frames = await client.until("ack")
        assert [frame["type"] for frame in frames][-2:] == ["cancelled", "ack"]
        rest = await client.rest()
        assert {frame["request_id"] for frame in rest} == {"r-1"}
        assert rest[-1]["type"] == "done"
        await _until_engine_is_empty(server.port)


async def test_a_client_that_vanishes_frees_the_engine(server: Program) -> None:
    async with connected(server.port) as client:
        await client.start("r-0", STORY)
        await client.until("token")
        await trio.aclose_forcefully(client.socket._stream)
    await _until_engine_is_empty(server.port)


@pytest.mark.parametrize("count", [2, 8])
async def test_several_clients_are_served_at_once(server: Program, count: int) -> None:
    async def talk(number: int) -> None:
        async with connected(server.port, session_id=f"s-{number}") as client:
            for turn in range(3):
                frames = await _turn(client, f"r-{turn}", STORY if not turn else SMALL_TALK[number])
                assert frames[-1]["type"] == "done", frames[-1]
                assert {frame["session_id"] for frame in frames} == {f"s-{number}"}

    async with trio.open_nursery() as nursery:
        for number in range(count):
            nursery.start_soon(talk, number)
    await _until_engine_is_empty(server.port)


async def test_twenty_turns_find_95_percent_of_their_previous_prompt_in_the_prefix_cache(server: Program) -> None:
    """Counted: over turns 2 to 20, the sum of min(cached tokens, previous prompt) over the sum of previous prompts.

    The cache holds whole blocks, so up to a block less one of each previous prompt cannot be a hit.
    """
    ready = server.wait_for("engine.ready")
    assert 16 <= ready["block_size"] <= 128
    prompt = "You are kind and brief. " + "You like music, long walks by the river, soup and rain. " * 100
    async with connected(server.port) as client:
        usages = []
        for number in range(20):
            text = SMALL_TALK[number % len(SMALL_TALK)]
            if number:
                await client.message(f"r-{number}", text)
            else:
                await client.start("r-0", text, chat_prompt=prompt)
            with trio.fail_after(60):
                done = (await client.rest())[-1]
            assert done["type"] == "done", done
            usages.append(done["payload"]["usage"])
    prompts = [usage["prompt_tokens"] for usage in usages]
    assert prompts == sorted(prompts), "nothing was trimmed"
    hits = sum(min(now["cached_tokens"], before) for now, before in zip(usages[1:], prompts[:-1], strict=True))
    share = hits / sum(prompts[:-1])
    print(f"prompts {prompts[0]}..{prompts[-1]}, block {ready['block_size']}, hits {share:.1%}")
    assert share >= 0.95


async def _start_crowd(port: int, crowd: list[Client], stack: AsyncExitStack) -> None:
    """Many turns under way at once, so that no quick reply ends before the test does what it is about."""
    for number in range(8):
        client = await stack.enter_async_context(connected(port, session_id=f"s-{number}"))
        crowd.append(client)
    for client in crowd:
        await client.start("r-0", STORY)
    for client in crowd:
        await client.expect("ack", "r-0")


async def test_a_killed_engine_costs_its_turns_an_error_and_comes_back(server: Program) -> None:
    family = server.family()
    assert family, "the engine has processes of its own"
    crowd: list[Client] = []
    async with connected(server.port, session_id="bystander") as bystander, AsyncExitStack() as stack:
        await bystander.answers_pings()
        await _start_crowd(server.port, crowd, stack)
        os.kill(family[0].pid, signal.SIGKILL)
        killed = time.monotonic()
        ends = [(await client.rest())[-1] for client in crowd]
        assert time.monotonic() - killed < 10
        errors = [end["payload"] for end in ends if end["type"] == "error"]
        assert errors, "no turn was running"
        assert {end["type"] for end in ends} <= {"done", "error"}
        assert {(error["code"], error["details"]["reason_code"]) for error in errors} == {
            ("internal_error", "engine_error")
        }
        assert (await fetch(server.port, "/readyz")).status == 503
        assert (await fetch(server.port, "/healthz")).status == 200
        client = crowd[0]
        await client.message("r-1", SMALL_TALK[0])
        busy = (await client.rest())[-1]["payload"]
        assert (busy["code"], busy["details"]["reason_code"]) == ("server_busy", "engine_unavailable")
        await bystander.answers_pings()
        with trio.fail_after(START_S):
            while (await fetch(server.port, "/readyz")).status != 200:
                await client.answers_pings()
                await trio.sleep(0.5)
        assert (await _turn(client, "r-2", SMALL_TALK[1]))[-1]["type"] == "done"
        assert await _metric(server.port, "engine_restarts_total") == 1
        assert not set(family) & set(server.family()), "what was left of the old engine is gone"


async def test_ctrl_c_in_a_turn_lets_it_finish_and_leaves_no_process(server: Program) -> None:
    crowd: list[Client] = []
    async with AsyncExitStack() as stack:
        await _start_crowd(server.port, crowd, stack)
        os.killpg(server.pid, signal.SIGINT)  # as a terminal does: to every process of the foreground
        for client in crowd:
            assert (await client.closed(40))[0] == 1001
            assert kinds_of(client.seen)[-3:] == ["final", "done", "session_end"]
    assert await trio.to_thread.run_sync(server.wait_gone) == 0
    assert_nothing_left(server.pid)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_a_server_that_is_ended_in_a_turn_leaves_no_process(demo_chat: Path, number: signal.Signals) -> None:
    running = _served(demo_chat, DRAIN_TIMEOUT_S="0")
    try:
        await trio.to_thread.run_sync(running.wait_ready, START_S)
        async with connected(running.port) as client:
            await client.start("r-0", STORY)
            await client.until("token")
            running.kill(number)
            status = await trio.to_thread.run_sync(running.wait_gone)
            assert status == (0 if number is signal.SIGTERM else -signal.SIGKILL)
        assert_nothing_left(running.pid, 10)
    finally:
        running.bury()
