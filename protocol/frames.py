"""Server frames: what each one holds, and their encoding as compact UTF-8 JSON with the envelope's key order."""

from collections.abc import Mapping, Sequence

import msgspec
from attrs import field, frozen

from protocol.errors import PeerProtocolError

_ENCODER = msgspec.json.Encoder()
RESERVED = frozenset({"type", "session_id", "request_id"})


@frozen
class Address:
    """Whom a frame is about: the ids that it echoes."""

    session_id: str
    request_id: str


@frozen
class Frame:
    """One server frame. `payload` never holds an envelope key: clients flatten it over the envelope."""

    type: str
    address: Address
    payload: Mapping[str, object] = field(factory=dict, repr=False)

    def encode(self) -> bytes:
        """The frame as JSON text in UTF-8."""
        assert RESERVED.isdisjoint(self.payload), f"reserved key in the payload of {self.type}"
        return _ENCODER.encode(
            {
                "type": self.type,
                "session_id": self.address.session_id,
                "request_id": self.address.request_id,
                "payload": self.payload,
            }
        )


EMPTY_TEXT = b'""}}'
"""What follows a token frame's head where its text is empty."""


def token_head(address: Address) -> bytes:
    """What a token frame of this turn begins with, up to where its text, a JSON string, stands."""
    return Frame("token", address, {"text": ""}).encode()[: -len(EMPTY_TEXT)]


def token_frame(head: bytes, text: str) -> bytes:
    """A token frame, of which `head` is the same for all of a turn: the one frame that is sent by the thousand."""
    return b"%b%b}}" % (head, _ENCODER.encode(text))


def usage(prompt_tokens: int, completion_tokens: int, cached_tokens: int | None) -> dict[str, object]:
    """The `usage` object; `cached_tokens` is None where the engine cannot say."""
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
        "cached_tokens": cached_tokens,
    }


def toolcall(address: Address, *, yes: bool, raw: Sequence[Mapping[str, object]], score: float | None) -> Frame:
    """The router's decision. `score`: probability of yes, None after a timeout or failure."""
    return Frame("toolcall", address, {"status": "yes" if yes else "no", "raw": list(raw), "score": score})


def error(address: Address, problem: PeerProtocolError, usage: Mapping[str, object] | None = None) -> Frame:
    """An error frame; a turn's terminal error also carries its usage."""
    payload: dict[str, object] = {"code": problem.code, "message": problem.message, "details": problem.details}
    if usage is not None:
        payload["usage"] = usage
    return Frame("error", address, payload)


__all__ = [
    "Address",
    "Frame",
    "error",
    "token_frame",
    "token_head",
    "toolcall",
    "usage",
]
