"""A server under attack in the test's own loop: a bystander who must notice nothing, a log that must tell nothing."""

import logging
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import structlog
import trio
from attrs import define, field
from structlog.typing import EventDict

from engines.base import GenerationRequest
from engines.scripted import Script
from tests.attacks.raw import PATIENCE_S
from tests.e2e.client import Client, kinds_of, text_of
from tests.runtime.serving import Place, prompt_text, says, serving, words

KEY = "key-marked-9d2f"
WRONG_KEY = "wrong-marked-77c0"
UTTERANCE = "utterance-marked-51aa"
PROMPT = "prompt-marked-83be"
REPLY = ("Reply", "marked", "4e", "0b", ".")
SECRETS = (KEY, WRONG_KEY, UTTERANCE, PROMPT, "Replymarked", "k-marked")
RECORD_MAX = 4096
"""Characters of a log record: a peer's fault is one line, and no state of ours is in it."""
SETTINGS = {"TEXT_API_KEY": KEY, "WS_MAX_MESSAGES_PER_WINDOW": "0", "ENGINE_MAX_QUEUED": "256"}


@define(eq=False)
class Scene:
    """`over`: the attack is; `served`: the bystander had its last turn then. `turns` of it so far."""

    place: Place
    bystander: Client
    turns: int = 0
    over: trio.Event = field(factory=trio.Event)
    served: trio.Event = field(factory=trio.Event)

    @property
    def port(self) -> int:
        """Where the server listens."""
        return self.place.port


@asynccontextmanager
async def attacked(script: Script | None = None, /, **environment: str) -> AsyncIterator[Scene]:
    """A server for the body to attack. On the way out: the bystander was served, nothing is left, the log is clean."""
    try:
        with logged() as records:
            async with serving(script or says(*REPLY), **{**SETTINGS, **environment}) as place:
                before = leftovers()
                async with place.connected(KEY, session_id="bystander") as client, trio.open_nursery() as nursery:
                    scene = Scene(place, client)
                    nursery.start_soon(_talk, scene)
                    yield scene
                    scene.over.set()
                    with trio.fail_after(PATIENCE_S):
                        await scene.served.wait()
                await place.until_idle(PATIENCE_S)
                await nothing_left(before)
        check_records(records)
    except BaseExceptionGroup as group:
        raise _innermost(group) from None  # the nurseries around it say nothing to whoever reads a failed test


def _innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


async def _talk(scene: Scene) -> None:
    """Turn after turn, a ping between them; every frame is the one that is due."""
    client = scene.bystander
    await client.start("b-0", UTTERANCE, chat_prompt=PROMPT)
    while True:
        name = f"b-{scene.turns}"
        frames = await client.rest()
        assert kinds_of(frames) == ["ack", "token", "final", "done"], frames
        assert {frame["request_id"] for frame in frames} == {name}
        assert frames[-2]["payload"]["normalized_text"] == text_of(frames)
        await client.answers_pings()
        scene.turns += 1
        if scene.over.is_set():
            scene.served.set()
            return
        await trio.sleep(0.01)
        await client.message(f"b-{scene.turns}", UTTERANCE)


def talkative() -> Script:
    """An engine that answers the bystander at once, and everybody else for ten seconds."""

    def reply(request: GenerationRequest) -> list[str]:
        return list(REPLY) if UTTERANCE in prompt_text(request) else words(200)

    return Script(step_s=0.05, reply=reply)


def leftovers() -> tuple[int, int]:
    """Tasks that live and descriptors that are open."""
    return trio.lowlevel.current_statistics().tasks_living, len(os.listdir("/proc/self/fd"))


async def nothing_left(before: tuple[int, int]) -> None:
    """Assert that there are no more tasks and descriptors than before, soon."""
    with trio.move_on_after(PATIENCE_S):
        while any(now > then for now, then in zip(leftovers(), before, strict=True)):
            await trio.sleep(0.01)
    now = leftovers()
    assert all(have <= had for have, had in zip(now, before, strict=True)), f"tasks, descriptors: {now}, were {before}"


class _Keeps(logging.Handler):
    """Keeps what libraries log through the standard library."""

    def __init__(self, records: list[EventDict]) -> None:
        super().__init__(logging.WARNING)
        self.kept = records

    def emit(self, record: logging.LogRecord) -> None:
        """As a record of structlog's."""
        said = {"event": record.getMessage(), "log_level": record.levelname.lower(), "logger": record.name}
        self.kept.append({**said, "exc_info": record.exc_info} if record.exc_info else said)


@contextmanager
def logged() -> Iterator[list[EventDict]]:
    """Everything that we log at any level, and what the server lets through of its libraries."""
    root = logging.getLogger()
    with structlog.testing.capture_logs() as records:
        keeper = _Keeps(records)
        level = root.level
        root.addHandler(keeper)
        root.setLevel(logging.WARNING)
        try:
            yield records
        finally:
            root.removeHandler(keeper)
            root.setLevel(level)


def check_records(records: list[EventDict]) -> None:
    """Assert that no record is a crash, carries a traceback, is long, or holds a secret."""
    for record in records:
        told = repr(record)
        assert record["log_level"] not in ("error", "critical"), told[:2000]
        assert not record.get("exc_info"), told[:2000]
        assert len(told) <= RECORD_MAX, told[:2000]
        assert not [secret for secret in SECRETS if secret in told], told[:2000]


__all__ = [
    "KEY",
    "PROMPT",
    "RECORD_MAX",
    "REPLY",
    "SECRETS",
    "UTTERANCE",
    "WRONG_KEY",
    "Scene",
    "attacked",
    "check_records",
    "leftovers",
    "logged",
    "nothing_left",
    "talkative",
]
