"""Frames as a client sees them: text to a checked envelope, and back. No I/O, no clock."""

import json
from collections.abc import Mapping

from attrs import field, frozen

from .errors import ProtocolFault

ENVELOPE = ("type", "session_id", "request_id", "payload")
SHOWN_CHARS = 40  # of a name that the server made up, in an error
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


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
    """Read one server frame. Raises `ProtocolFault`, which does not repeat what the frame says."""
    if isinstance(message, bytes):
        raise ProtocolFault("the server sent a binary frame")
    frame = _value(message)
    if not isinstance(frame, dict):
        raise ProtocolFault("the server sent a frame that is not a JSON object")
    missing = [key for key in ENVELOPE if key not in frame]
    if missing:
        raise ProtocolFault(f"a frame lacks {', '.join(missing)}")
    kind, session_id, request_id, payload = (frame[key] for key in ENVELOPE)
    if not isinstance(payload, dict) or not all(isinstance(name, str) for name in (kind, session_id, request_id)):
        raise ProtocolFault(f"a {str(kind)[:SHOWN_CHARS]!r} frame has an envelope value of the wrong kind")
    for reserved in ENVELOPE[:3]:
        if reserved in payload:
            raise ProtocolFault(f"the payload of {kind[:SHOWN_CHARS]!r} has the envelope key {reserved!r}")
    return Incoming(kind, session_id, request_id, payload, at)


def encode(kind: str, session_id: str, request_id: str, payload: Mapping[str, object]) -> str:
    """One client frame as compact JSON text. Raises `ValueError` or `TypeError` if the payload is not JSON.

    Halves of surrogate pairs, which are no text and cannot be sent as UTF-8, become U+FFFD.
    """
    text = _ENCODER.encode({"type": kind, "session_id": session_id, "request_id": request_id, "payload": payload})
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _value(message: str) -> object:
    try:
        value: object = json.loads(message, parse_constant=_no_json)
    except (ValueError, RecursionError):
        value = None
        sound = False
    else:
        sound = True
    if not sound:  # raised out here: the decoder's own error holds the whole text
        raise ProtocolFault("the server sent a frame that is not JSON")
    return value


def _no_json(_name: str) -> None:
    """NaN and Infinity, which Python would take."""
    raise ValueError


__all__ = ["Incoming", "decode", "encode"]
