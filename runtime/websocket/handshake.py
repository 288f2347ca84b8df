"""The opening handshake (RFC 6455, section 4.2): what is agreed on, and the 101 that says so."""

import base64
import binascii
import re
from collections.abc import Iterator

from attrs import frozen
from wsproto.extensions import Extension
from wsproto.handshake import server_extensions_handshake
from wsproto.utilities import generate_accept_token

from runtime.heads import RequestHead
from runtime.websocket.deflate import BoundedDeflate

KEY_BYTES = 16
TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}")
"""A token of RFC 9110, section 5.6.2, of a length that a name has."""
MODEL_FIELD = "X-Model"
"""So that a client can suit what it says to the model, as `just live` does with a very small one."""
CARRIES_A_KEY = re.compile(r"(?i)api-?key|bearer|authorization")
"""In subprotocols, where clients of other services put their key: never echoed."""


class BadHandshake(Exception):
    """A request for a WebSocket that RFC 6455 does not allow; it says what is wrong."""


@frozen
class Handshake:
    """What both sides agreed on. `response`: the bytes of the 101."""

    response: bytes
    deflate: BoundedDeflate | None = None


def agree(head: RequestHead, max_frame_bytes: int, *, compresses: bool, model: str = "") -> Handshake:
    """Answer the request for a WebSocket. `model`: the name of what talks, which clients see. Raises `BadHandshake`."""
    key = _key(head)
    subprotocol = next(_echoable(head), None)
    fields = ["Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Accept: {key}"]
    if subprotocol is not None:
        fields.append(f"Sec-WebSocket-Protocol: {subprotocol}")
    if TOKEN.fullmatch(model):
        fields.append(f"{MODEL_FIELD}: {model}")
    deflate, accepted = _deflate(head, max_frame_bytes) if compresses else (None, "")
    if deflate is not None:
        fields.append(f"Sec-WebSocket-Extensions: {accepted}")
    lines = "\r\n".join(["HTTP/1.1 101 Switching Protocols", *fields, "", ""])
    return Handshake(lines.encode("ascii"), deflate)


def _key(head: RequestHead) -> str:
    (key,) = head.headers["sec-websocket-key"]
    try:
        nonce = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        nonce = b""
    if len(nonce) != KEY_BYTES:
        raise BadHandshake(f"Sec-WebSocket-Key has to be {KEY_BYTES} bytes in base64")
    return str(generate_accept_token(key.encode("ascii")).decode("ascii"))


def _echoable(head: RequestHead) -> Iterator[str]:
    """The subprotocols that a client may be told back, in its order; what is no name is not looked at."""
    for value in head.headers.get("sec-websocket-protocol", ()):
        for name in map(str.strip, value.split(",")):
            if TOKEN.fullmatch(name) and not CARRIES_A_KEY.search(name):
                yield name


def _deflate(head: RequestHead, max_frame_bytes: int) -> tuple[BoundedDeflate | None, str]:
    offers = [offer.strip() for value in head.headers.get("sec-websocket-extensions", ()) for offer in value.split(",")]
    for offer in offers:
        # One at a time: an offer that was declined leaves its parameters behind in the extension.
        deflate = BoundedDeflate(max_frame_bytes)
        extensions: list[Extension] = [deflate]
        accepted = server_extensions_handshake([offer], extensions)
        if accepted is not None:
            return deflate, accepted.decode("ascii")
    return None, ""


__all__ = ["BadHandshake", "Handshake", "agree"]
