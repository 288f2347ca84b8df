"""What comes to the port instead of a good client's handshake, as bytes."""

from tests.simulation.probing import ASKS
from tooling.benchmarks.bystander.frames import upgrade


def _get(path: str, *fields: str, method: str = "GET") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: x", *fields, "", ""]).encode()


_STRANGE: dict[str, bytes] = {
    "alive": _get("/healthz"),
    "ready": _get("/readyz"),
    "nowhere": _get("/nowhere"),
    "post": _get("/healthz", method="POST"),
    "no-upgrade": _get("/ws"),
    "bad-key": _get(
        "/ws", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: x"
    ),
    "old-version": _get(
        "/ws", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 8", "Sec-WebSocket-Key: x"
    ),
    "garbage": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "half-head": upgrade("k-1")[:60],
    "many-fields": _get("/ws", *(f"X-{number}: y" for number in range(200))),
    "nothing": b"",
}
STRANGERS = tuple(_STRANGE)
DOORS = {**_STRANGE, **{name: ask.data for name, ask in ASKS.items()}}
"""Who says no whole head is cut off after ten seconds, the others are answered."""

__all__ = ["DOORS", "STRANGERS"]
