"""What a stand-in does, as data: frames, pauses, closes. A fault is a list of steps that is not the good one."""

from functools import cache
from typing import Any

import trio
from attrs import field, frozen

from tests.tooling.clients.faulty.wire import Frame, Wire
from tooling.clients.data.messages import message
from tooling.clients.data.tool_cases import load_cases
from tooling.yap_client.wire import encode

USAGE = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8, "cached_tokens": None}
WORDS = ("Hello ", "there, ", "friend.")
STORY = tuple(f"word{number} " for number in range(8))
STORY_PAUSE_S = 0.5
YES = {"status": "yes", "raw": [{"name": "take_screenshot"}], "score": 0.9}
NO = {"status": "no", "raw": [], "score": 0.1}


@frozen
class Say:
    """A frame. The ids are those of the client's frame it answers, unless it has others of its own."""

    kind: str
    payload: dict[str, Any] = field(factory=dict)
    session_id: str | None = None
    request_id: str | None = None


@frozen
class Raw:
    """A message that is no frame of ours; bytes make it a binary one."""

    data: str | bytes


@frozen
class Bytes:
    """Bytes that are no message either."""

    data: bytes


@frozen
class Wait:
    """Seconds of nothing."""

    seconds: float


@frozen
class Close:
    """The close handshake's first half."""

    code: int = 1000
    reason: str = ""


@frozen
class Cut:
    """The end of the TCP connection without a close frame."""


Step = Say | Raw | Bytes | Wait | Close | Cut


async def play(wire: Wire, steps: list[Step], about: Frame) -> None:
    """Do it."""
    for step in steps:
        match step:
            case Say():
                ids = (step.session_id or about["session_id"], step.request_id or about["request_id"])
                await wire.message(encode(step.kind, *ids, step.payload))
            case Raw():
                await wire.message(step.data)
            case Bytes():
                await wire.line(step.data)
            case Wait():
                await trio.sleep(step.seconds)
            case Close():
                await wire.close(step.code, step.reason)
            case Cut():
                await wire.cut()


def ack(frame: Frame) -> Say:
    """A turn frame is taken."""
    payload: dict[str, Any] = {"for": frame["type"], "ok": True}
    history = frame["payload"].get("history")
    if history:
        turns = len(history) // 2
        payload["history"] = {
            "input_messages": len(history),
            "input_turns": turns,
            "retained_turns": turns,
            "trimmed": False,
            "history_tokens": 5 * len(history),
        }
    return Say("ack", payload)


def decision(frame: Frame) -> list[Step]:
    """The router's: what the cases say of a text, else that it is about the screen. A followup is not asked about."""
    if frame["type"] == "followup":
        return []
    return [Say("toolcall", YES if _labels().get(frame["payload"].get("user_utterance"), True) else NO)]


@cache
def _labels() -> dict[str, bool]:
    return {step.text: step.yes for case in load_cases() for step in case.steps}


def tokens(frame: Frame) -> list[Step]:
    """The reply's text, slowly if it is a story that is asked for."""
    if frame["payload"].get("user_utterance") != message("long_story"):
        return [Say("token", {"text": word}) for word in WORDS]
    return [step for word in STORY for step in (Wait(STORY_PAUSE_S), Say("token", {"text": word}))]


def final(steps: list[Step]) -> Say:
    """The text of all these tokens."""
    texts = [step.payload["text"] for step in steps if isinstance(step, Say) and step.kind == "token"]
    return Say("final", {"normalized_text": "".join(texts)})


def done(**other: Any) -> Say:
    """The end of a turn. `other`: payload keys that are to be different."""
    return Say("done", {"usage": USAGE, "finish_reason": "stop", "timings": {}} | other)


def good(frame: Frame) -> list[Step]:
    """A whole turn as it must be."""
    said = tokens(frame)
    return [ack(frame), *decision(frame), *said, final(said), done()]


__all__ = [
    "NO",
    "STORY_PAUSE_S",
    "USAGE",
    "WORDS",
    "YES",
    "Bytes",
    "Close",
    "Cut",
    "Raw",
    "Say",
    "Step",
    "Wait",
    "ack",
    "decision",
    "done",
    "final",
    "good",
    "play",
    "tokens",
]
