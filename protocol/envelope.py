"""Text of one client frame -> envelope: the checks of the protocol's section 2, in its order."""

from collections.abc import Mapping

from attrs import field, frozen

from protocol.errors import PeerProtocolError, invalid_message
from protocol.json_text import MAX_DEPTH, MAX_VALUES, NotJson, parse

MAX_ID_CHARS = 128
MAX_TYPE_CHARS = 128
"""What is read of a type; no known one is near it."""

PAYLOAD_OPTIONAL = frozenset({"cancel", "end", "ping", "pong"})
REPLACEMENT = "�"


@frozen
class Envelope:
    """One client frame whose four envelope keys are sound; `payload` is still unchecked."""

    type: str
    session_id: str
    request_id: str
    payload: Mapping[str, object] = field(repr=False)


def decode(frame: str | bytes) -> Envelope:
    """Parse one client frame. Raises `PeerProtocolError` (`malformed`), ids echoed where they could be read."""
    message = _json_object(frame)
    error: PeerProtocolError | None = None
    kind = message.get("type")
    name = kind[:MAX_TYPE_CHARS].strip().lower() if isinstance(kind, str) else ""
    if not name:
        error = invalid_message("missing_type", "'type' must be a non-empty string such as 'start' or 'message'.")
    ids: dict[str, str] = {}
    for key in ("session_id", "request_id"):
        try:
            ids[key] = _identifier(key, message.get(key))
        except PeerProtocolError as problem:
            error = error or problem.bare()
    payload = message.get("payload")
    if payload is None and name in PAYLOAD_OPTIONAL:
        payload = {}
    if error is None and not isinstance(payload, dict):
        error = invalid_message("missing_payload", "'payload' must be an object; send {} when there is nothing to say.")
    if error is not None:
        error.session_id = ids.get("session_id", error.session_id)
        error.request_id = ids.get("request_id", error.request_id)
        error.malformed = True
        raise error
    assert isinstance(payload, dict)
    return Envelope(name, ids["session_id"], ids["request_id"], payload)


def _json_object(frame: str | bytes) -> dict[str, object]:
    if isinstance(frame, bytes):
        raise _unreadable("binary_not_supported", "Send JSON in text frames; binary frames are not supported.")
    message: object = None
    sound = True
    try:
        message = parse(frame)
    except NotJson:
        sound = False  # raised below, so that the refusal carries no traceback that holds the frame
    if not sound:
        raise _unreadable(
            "invalid_json",
            f"The frame is not valid JSON of at most {MAX_VALUES} values and {MAX_DEPTH} levels; "
            "send one JSON object per text frame.",
        )
    if not isinstance(message, dict):
        raise _unreadable("not_an_object", "The frame must be a JSON object with type, session_id, request_id.")
    return message


def _unreadable(reason_code: str, message: str) -> PeerProtocolError:
    error = invalid_message(reason_code, message)
    error.malformed = True
    return error


def _identifier(key: str, value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = _decimal(key, value)
    if value is None or value == "":
        raise invalid_message(f"missing_{key}", f"'{key}' must be a non-empty string or an integer.")
    if (
        not isinstance(value, str)
        or len(value) > MAX_ID_CHARS
        or not value.strip()
        or not value.isprintable()
        or REPLACEMENT in value
    ):
        raise invalid_message(
            "invalid_id", f"'{key}' must be an integer or 1 to {MAX_ID_CHARS} printable characters that are not blank."
        )
    return value


def _decimal(key: str, value: int) -> str:
    try:
        return str(value)
    except ValueError:  # Python refuses to print integers of more than 4300 digits
        raise invalid_message("invalid_id", f"'{key}' must have at most {MAX_ID_CHARS} digits.") from None


__all__ = ["MAX_ID_CHARS", "MAX_TYPE_CHARS", "PAYLOAD_OPTIONAL", "Envelope", "decode"]
