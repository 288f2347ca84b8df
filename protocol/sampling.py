"""Sampling overrides: which keys there are, how values are coerced and bounded, how a session merges them."""

import math
from collections.abc import Mapping
from typing import Literal

from attrs import frozen

from protocol.errors import PeerProtocolError, invalid_payload

Number = float | int
Overrides = Mapping[str, Number | bool | None]
"""What one frame says: key -> new value, or None to remove the session's override."""


@frozen
class Bound:
    """One numeric sampling key: its type, the server's default, and the inclusive range clients may use."""

    key: str
    kind: Literal["float", "int"]
    default: Number
    low: Number
    high: Number


DEFAULT_BOUNDS: tuple[Bound, ...] = (
    Bound("temperature", "float", 0.8, 0.0, 1.2),
    Bound("top_p", "float", 0.95, 0.6, 1.0),
    Bound("top_k", "int", 30, 0, 60),
    Bound("min_p", "float", 0.0, 0.0, 0.20),
    Bound("repetition_penalty", "float", 1.0, 1.0, 1.3),
    Bound("presence_penalty", "float", 0.0, 0.0, 0.5),
    Bound("frequency_penalty", "float", 0.0, 0.0, 0.5),
)
SANITIZE = "sanitize_output"
NUMBER_MAX_CHARS = 64
"""What a number sent as text may have."""


def parse_overrides(payload: Mapping[str, object], bounds: tuple[Bound, ...]) -> Overrides:
    """The overrides in one turn frame's payload; one bad key refuses them all.

    A key in the `sampling` object (alias `sampling_params`) wins over the same key at payload level, where null is
    absence. Unknown keys are ignored.
    """
    given = payload.get("sampling")
    if given is None:
        given = payload.get("sampling_params")
    if given is not None and not isinstance(given, dict):
        raise invalid_payload(
            "invalid_sampling_payload", "'sampling' must be an object such as {\"temperature\": 0.8}."
        )
    inner: Mapping[str, object] = given or {}
    found: dict[str, Number | bool | None] = {}
    for bound in bounds:
        if bound.key in inner:
            value = inner[bound.key]
            found[bound.key] = None if value is None else _bounded(bound, value)
        elif payload.get(bound.key) is not None:
            found[bound.key] = _bounded(bound, payload[bound.key])
    flag = inner[SANITIZE] if SANITIZE in inner else payload.get(SANITIZE)
    if flag is not None and not isinstance(flag, bool):
        raise invalid_payload(f"invalid_{SANITIZE}", f"{SANITIZE} must be true or false.")
    if flag is not None or SANITIZE in inner:
        found[SANITIZE] = flag
    return found


def merge(session: Mapping[str, Number | bool], overrides: Overrides) -> dict[str, Number | bool]:
    """The session's overrides after one frame: null removes, an omitted key keeps what the session has."""
    merged = dict(session)
    for key, value in overrides.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = value
    return merged


def _bounded(bound: Bound, value: object) -> Number:
    number = _float(bound, value) if bound.kind == "float" else _int(bound, value)
    if not bound.low <= number <= bound.high:
        raise invalid_payload(f"{bound.key}_out_of_range", f"{bound.key} must be between {bound.low} and {bound.high}")
    return number


def _float(bound: Bound, value: object) -> float:
    if isinstance(value, str) and len(value) > NUMBER_MAX_CHARS:
        raise _invalid(bound, "a number")
    try:
        if isinstance(value, (int, float, str)) and not isinstance(value, bool):
            number = float(value)
            if math.isfinite(number) and "_" not in str(value):
                return number
    except (ValueError, OverflowError):
        pass
    raise _invalid(bound, "a number")


def _int(bound: Bound, value: object) -> int:
    try:
        if isinstance(value, str) and len(value) <= NUMBER_MAX_CHARS and "_" not in value:
            return int(value)
        if isinstance(value, float) and value.is_integer():
            return int(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    except ValueError:
        pass
    raise _invalid(bound, "an integer")


def _invalid(bound: Bound, what: str) -> PeerProtocolError:
    return invalid_payload(f"invalid_{bound.key}", f"{bound.key} must be {what} between {bound.low} and {bound.high}.")


__all__ = ["DEFAULT_BOUNDS", "SANITIZE", "Bound", "Number", "Overrides", "merge", "parse_overrides"]
