"""What a gate lets through, against a model of its own: rates, and when somebody has last said something."""

import json
import math
from collections.abc import Callable

from attrs import define, field

from actors.session.deployment import Deployment
from actors.session.events import Event
from actors.session.gate import Gate
from protocol.errors import PeerProtocolError
from tests.referee import KEYS


@define(eq=False)
class Doorman:
    """Stands in for the `gate` that it watches. `read_at`, `before`: when it read its last frame, and one before."""

    gate: Gate
    broken: Callable[[str, str], None]
    read_at: float
    before: float = -math.inf
    passed: dict[str, list[float]] = field(factory=dict)

    @property
    def site(self) -> Deployment:
        """The gate's."""
        return self.gate.site

    def weight(self, frame: str | bytes) -> int:
        """The gate's."""
        return self.gate.weight(frame)

    def read(self, frame: str | bytes, now: float) -> Event | None:
        """The gate's, watched."""
        kind = _kind(frame)
        full = self._is_full(kind, now)
        try:
            event = self.gate.read(frame, now)
        except PeerProtocolError as error:
            self._refused(kind, error, now, full=full)
            raise
        self._note(kind, now)
        if full:
            self.broken("rates", f"a {kind} was let through, {self.passed[kind]} were before it at {now}")
        return event

    def _refused(self, kind: str, error: PeerProtocolError, now: float, *, full: bool) -> None:
        if not error.malformed:
            self._reads(now)
        if error.code == "rate_limited" and error.close_code is None:
            if not full:
                self.broken("rates", f"a {kind} was refused, {self.passed.get(kind)} were before it at {now}")
        elif kind and not error.malformed:
            self._note(kind, now)

    def _note(self, kind: str, now: float) -> None:
        self._reads(now)
        self.passed.setdefault(kind, []).append(now)

    def _reads(self, now: float) -> None:
        if now > self.read_at:
            self.before, self.read_at = self.read_at, now

    def _is_full(self, kind: str, now: float) -> bool:
        window = {"message": self.gate.messages, "cancel": self.gate.cancels}.get(kind)
        if window is None or not window.limit or not window.seconds:
            return False
        return sum(at > now - window.seconds for at in self.passed.get(kind, ())) >= window.limit


def _kind(frame: str | bytes) -> str:
    """ "message" for turns and what nobody knows, "cancel"; "" for what no rate limit counts."""
    try:
        message = json.loads(frame)
        kind, *rest = (message[key] for key in KEYS)
    except (ValueError, KeyError, TypeError):
        return ""
    if not isinstance(kind, str) or kind in ("ping", "pong", "end") or not isinstance(rest[-1], dict):
        return ""
    return "cancel" if kind == "cancel" else "message"


__all__ = ["Doorman"]
