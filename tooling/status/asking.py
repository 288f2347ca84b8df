"""What a server says of itself when it is asked now: `/readyz`, and `/metrics` where that is served."""

import json
import re
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from typing import Any

from attrs import field, frozen

from runtime.listening import reachable

TIMEOUT_S = 3.0
NUMBERS = {
    "turns": "text_inference_active_generations",
    "connections": "text_inference_active_connections",
}
READY = 200
SAMPLE = re.compile(r"^(\w+)(?:\{[^}]*\})? ([0-9.eE+-]+)$", re.MULTILINE)


@frozen(kw_only=True)
class Answer:
    """`is_ready` and why not. `numbers`: turns, connections and their limit, as far as they are told."""

    is_ready: bool
    reason: str = ""
    numbers: Mapping[str, int] = field(factory=dict)


def ask(host: str, port: int, timeout_s: float = TIMEOUT_S) -> Answer:
    """Ask a server that listens at `host`; one that does not answer is not ready."""
    try:
        status, body = _get(host, port, "/readyz", timeout_s)
        said: dict[str, Any] = json.loads(body)
        reason = str(said.get("reason", ""))
        slots = said.get("slots", {})
        numbers = {"connections": int(slots["taken"]), "limit": int(slots["limit"])} if slots else {}
        pending = said.get("engine", {}).get("pending")
        numbers |= {} if pending is None else {"turns": int(pending)}
    except (OSError, HTTPException) as error:
        return Answer(is_ready=False, reason=f"it does not answer: {error}")
    except (ValueError, TypeError, KeyError, AttributeError):
        return Answer(is_ready=False, reason="something else answers there")
    return Answer(is_ready=status == READY, reason=reason, numbers={**numbers, **_metrics(host, port, timeout_s)})


def _metrics(host: str, port: int, timeout_s: float) -> dict[str, int]:
    """What `/metrics` counts, nothing where it is not served."""
    try:
        status, body = _get(host, port, "/metrics", timeout_s)
    except (OSError, HTTPException):
        return {}
    if status != READY:
        return {}
    found = {name: float(value) for name, value in SAMPLE.findall(body.decode("utf-8", "replace"))}
    return {word: int(found[name]) for word, name in NUMBERS.items() if name in found}


def _get(host: str, port: int, path: str, timeout_s: float) -> tuple[int, bytes]:
    connection = HTTPConnection(reachable(host).strip("[]"), port, timeout=timeout_s)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


__all__ = ["Answer", "ask"]
