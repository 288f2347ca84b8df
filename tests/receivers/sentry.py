"""A Sentry endpoint behind a real DSN: it takes envelopes and shows what is in them."""

import json
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from tests.receivers.behaviour import Behaviour
from tests.receivers.receiver import Answer, Receiver, Undecodable

KEY = "abc123"
PROJECT = 42


@frozen
class Item:
    """One item of an envelope. `payload`: decoded where it is JSON, bytes elsewhere."""

    kind: str
    headers: Mapping[str, Any]
    payload: Any


@frozen
class Envelope:
    """One request: the envelope's headers, its items, and the whole as text for searches."""

    headers: Mapping[str, Any]
    items: tuple[Item, ...]
    text: str


class SentryEndpoint(Receiver[Envelope]):
    """Takes what a Sentry SDK sends to `dsn`."""

    def __init__(self, behaviour: Behaviour | None = None) -> None:
        super().__init__(_read, _answer, behaviour)

    @property
    def dsn(self) -> str:
        """The data source name that an SDK is told."""
        return f"http://{KEY}@127.0.0.1:{self.port}/{PROJECT}"

    @property
    def events(self) -> list[dict[str, Any]]:
        """Every error event that came, in order."""
        return [item.payload for request in self.requests for item in request.message.items if item.kind == "event"]

    @property
    def text(self) -> str:
        """Everything that came, headers included, to be searched for what must not be there."""
        return "\n".join(f"{dict(request.headers)}\n{request.message.text}" for request in self.requests)


def parse_envelope(raw: bytes) -> Envelope:
    """Read an envelope: a line of headers, then items of a header line and a payload each. Raises `Undecodable`."""
    try:
        head, _, rest = raw.partition(b"\n")
        headers = json.loads(head)
        items = []
        while rest.strip(b"\n"):
            line, _, rest = rest.partition(b"\n")
            about = json.loads(line)
            length = about.get("length")
            if length is None:
                payload, _, rest = rest.partition(b"\n")
            else:
                if len(rest) < length:
                    raise Undecodable(f"an item of {length} bytes has {len(rest)}")
                payload, rest = rest[:length], rest[length:].removeprefix(b"\n")
            items.append(Item(about["type"], about, _decoded(payload)))
    except (ValueError, KeyError, AttributeError) as error:
        raise Undecodable(f"not an envelope: {error!r}") from error
    return Envelope(headers, tuple(items), raw.decode("utf-8", "replace"))


def _read(path: str, headers: Mapping[str, str], body: bytes) -> Envelope:
    if path != f"/api/{PROJECT}/envelope/":
        raise Undecodable("not the path of this project's envelopes")
    if f"sentry_key={KEY}" not in headers.get("x-sentry-auth", ""):
        raise Undecodable("X-Sentry-Auth does not name the key")
    return parse_envelope(body)


def _answer(envelope: Envelope) -> Answer:
    return Answer(json.dumps({"id": envelope.headers.get("event_id")}).encode(), "application/json")


def _decoded(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except ValueError:  # an attachment
        return payload


__all__ = ["KEY", "PROJECT", "Envelope", "Item", "SentryEndpoint", "parse_envelope"]
