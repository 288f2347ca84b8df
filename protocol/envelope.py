"""Bytes of one client frame -> envelope: the checks of the protocol's section 2, in its order."""

import json
from collections.abc import Mapping
from typing import NoReturn

from attrs import field, frozen

from protocol.errors import PeerProtocolError, invalid_message

MAX_ID_CHARS = 128
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
    """Parse one client frame. Raises `PeerProtocolError`, ids echoed where they could be read."""
    message = _json_object(frame)
    error: PeerProtocolError | None = None
    kind = message.get("type")
    if not isinstance(kind, str) or not kind.strip():
        error = invalid_message("missing_type", "'type' must be a non-empty string such as 'start' or 'message'.")
    ids: dict[str, str] = {}
    for key in ("session_id", "request_id"):
        try:
            ids[key] = _identifier(key, message.get(key))
        except PeerProtocolError as problem:
            error = error or problem
    payload = message.get("payload")
    name = kind.strip().lower() if isinstance(kind, str) else ""
    if payload is None and name in PAYLOAD_OPTIONAL:
        payload = {}
    if error is None and not isinstance(payload, dict):
        error = invalid_message("missing_payload", "'payload' must be an object; send {} when there is nothing to say.")
    if error is not None:
        error.session_id = ids.get("session_id", error.session_id)
        error.request_id = ids.get("request_id", error.request_id)
        raise error
    assert isinstance(payload, dict)
    return Envelope(name, ids["session_id"], ids["request_id"], payload)


def _json_object(frame: str | bytes) -> dict[str, object]:
    if isinstance(frame, bytes):
        raise invalid_message("binary_not_supported", "Send JSON in text frames; binary frames are not supported.")
    try:
        message = _scrub(json.loads(frame, parse_constant=_refuse_constant))
    except (ValueError, RecursionError):
        raise invalid_message(
            "invalid_json", "The frame is not valid JSON; send one JSON object per text frame."
        ) from None
    if not isinstance(message, dict):
        raise invalid_message("not_an_object", "The frame must be a JSON object with type, session_id, request_id.")
    return message


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _scrub(value: object) -> object:
    """Lone surrogates (legal as JSON escapes, not as text) become U+FFFD, everywhere."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return value
    if isinstance(value, dict):
        return {str(_scrub(key)): _scrub(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_scrub(item) for item in value]
    return value


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


__all__ = ["MAX_ID_CHARS", "PAYLOAD_OPTIONAL", "Envelope", "decode"]
