"""Frames as a client sees them: text to a checked envelope, and back."""

import json
from collections.abc import Mapping

from attrs import field, frozen

from tooling.clients.failures import ProtocolBreach

ENVELOPE = ("type", "session_id", "request_id", "payload")


@frozen
class Incoming:
    """One server frame. `at`: monotonic seconds when it was read."""

    type: str
    session_id: str
    request_id: str
    payload: Mapping[str, object] = field(repr=False)
    at: float

    def text(self, key: str) -> str:
        """A string of the payload, empty if it is absent or something else."""
        value = self.payload.get(key)
        return value if isinstance(value, str) else ""


def decode(message: str | bytes, at: float) -> Incoming:
    """Read one server frame. Raises `ProtocolBreach`."""
    if isinstance(message, bytes):
        raise ProtocolBreach("the server sent a binary frame")
    try:
        frame = json.loads(message)
    except ValueError:
        raise ProtocolBreach(f"the server sent a frame that is not JSON: {message[:80]!r}") from None
    if not isinstance(frame, dict):
        raise ProtocolBreach("the server sent a frame that is not a JSON object")
    missing = [key for key in ENVELOPE if key not in frame]
    if missing:
        raise ProtocolBreach(f"a frame lacks {', '.join(missing)}")
    payload = frame["payload"]
    kind, session_id, request_id = (frame[key] for key in ENVELOPE[:3])
    if not isinstance(payload, dict) or not all(isinstance(name, str) for name in (kind, session_id, request_id)):
        raise ProtocolBreach(f"a {kind!r} frame has an envelope value of the wrong kind")
    reserved = set(payload) & set(ENVELOPE[:3])
    if reserved:
        raise ProtocolBreach(f"the payload of {kind!r} has the envelope key {sorted(reserved)[0]!r}")
    return Incoming(kind, session_id, request_id, payload, at)


def encode(kind: str, session_id: str, request_id: str, payload: Mapping[str, object]) -> str:
    """One client frame as compact JSON text."""
    frame = {"type": kind, "session_id": session_id, "request_id": request_id, "payload": payload}
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":"))


__all__ = ["Incoming", "decode", "encode"]
