"""The token frames of our wire as the rivals make them: the head once a reply, the text each time."""

import json

ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
CLOSING = '"}}'


def head(started: str | bytes) -> str:
    """What the frames of the reply to this `start` begin with, up to the quote that opens the text."""
    frame = json.loads(started)
    envelope = {"type": "token", "session_id": frame["session_id"], "request_id": frame["request_id"]}
    return ENCODE({**envelope, "payload": {"text": ""}})[: -len(CLOSING)]


def frame(begins: str, text: str) -> str:
    """One frame."""
    return begins + ENCODE(text)[1:-1] + CLOSING


__all__ = ["frame", "head"]
