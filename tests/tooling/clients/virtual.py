"""A server in virtual time: what it sends on each turn, and how many seconds after the turn came."""

import json
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import trio
from attrs import define, field

from tests.tooling.clients.standin import USAGE
from tooling.clients.session.connection import Connection, Limits
from tooling.yap_client import errors
from tooling.yap_client.trio_link import Link

Timed = tuple[float, str, dict[str, Any]]
"""Seconds after the turn, a frame's type, its payload."""


def spoken(*tokens: tuple[float, str], done_s: float, tool: tuple[float, str] | None = None) -> list[Timed]:
    """A good turn: tokens with their times, a decision if there is one, the end."""
    text = "".join(token for _, token in tokens)
    decided: list[Timed] = []
    if tool is not None:
        raw = [{"name": "take_screenshot"}] if tool[1] == "yes" else []
        decided = [(tool[0], "toolcall", {"status": tool[1], "raw": raw, "score": 0.5})]
    return [
        *decided,
        *((at, "token", {"text": token}) for at, token in tokens),
        (done_s, "final", {"normalized_text": text}),
        (done_s, "done", {"usage": USAGE, "finish_reason": "stop" if tokens else "tool", "timings": {}}),
    ]


@define
class VirtualLink:
    """`Link` without a socket. `turns`: what each turn brings, in order; after the last nothing comes."""

    turns: deque[Sequence[Timed]]
    headers: Mapping[str, str] = field(factory=dict)
    _due: deque[tuple[float, str]] = field(factory=deque)

    async def send(self, text: str) -> None:
        """Take a frame; a turn's answers become due."""
        await trio.lowlevel.checkpoint()
        frame = json.loads(text)
        ids = {"session_id": frame["session_id"], "request_id": frame["request_id"]}
        if frame["type"] == "end":
            answers: Sequence[Timed] = [(0.0, "session_end", {"reason": "client_request"})]
        else:
            answers = [(0.0, "ack", {"for": frame["type"], "ok": True}), *self.turns.popleft()]
        now = trio.current_time()
        self._due.extend((now + at, json.dumps({"type": kind, **ids, "payload": told})) for at, kind, told in answers)

    async def receive(self, awaited: str, limit_s: float) -> str:
        """The next answer when it is due."""
        with trio.move_on_after(limit_s):
            if not self._due:
                await trio.sleep_forever()
            await trio.sleep_until(self._due[0][0])
            return self._due.popleft()[1]
        raise errors.TimedOut(f"no {awaited} within {limit_s:g} s")


@asynccontextmanager
async def virtually_connected(*turns: Sequence[Timed], receive_s: float = 60.0) -> AsyncIterator[Connection]:
    """A connection to such a server."""
    link = VirtualLink(deque(turns))
    await trio.lowlevel.checkpoint()
    yield Connection(cast("Link", link), "test", Limits(receive_s=receive_s), note=lambda _text: None)


__all__ = ["Timed", "VirtualLink", "spoken", "virtually_connected"]
