"""The gate of one connection: a client's frame in, an event for the machine out, or a refusal that touches nothing.

`read` parses, sanitises and tokenises; a caller looks at `weight` for where to run it, one frame at a time.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from attrs import define, field

from actors.session import events as ev
from actors.session import intake
from actors.session.deployment import Deployment
from actors.session.events import Event, TurnKind
from actors.session.history import HistoryMessage
from actors.session.opening import Opening, Profile
from engines.errors import TextRefused
from protocol.envelope import Envelope, decode
from protocol.errors import PeerProtocolError, invalid_message, invalid_payload, invalid_settings
from protocol.limits import ByteBudget, Window
from protocol.turns import (
    Persona,
    TurnPayload,
    carries_persona,
    chat_prompt_too_long,
    parse_cancel_reason,
    parse_first_start,
    parse_followup,
    parse_played,
    parse_turn,
)

REMEMBERED_IDS = 16384
"""Turn ids remembered per connection, newest first: bounded, so that months of talking do not grow the process."""

INVALID_FIRST_START_CLOSE_CODE = 1008
FIRST_START_CHARS = 1024
"""What a first start weighs at least: it also renders, sanitises and measures."""


UNCOUNTED = frozenset({"ping", "pong", "end"})
"""Frames that no rate limit counts."""

COUNTED_AT_ONCE = 1 << 16


def utc_now() -> datetime:
    """The wall clock, for what people read."""
    return datetime.now(UTC)


@define
class Gate:
    """What a connection has established so far: whose session it is, which ids were used, how fast frames come."""

    site: Deployment
    messages: Window
    cancels: Window
    exempt: ByteBudget = field(factory=ByteBudget)
    today: Callable[[], datetime] = utc_now
    session_id: str | None = None
    profile: Profile | None = None
    _turn: int = 0
    _used: dict[str, None] = field(factory=dict)

    def weight(self, frame: str | bytes) -> int:
        """About how many characters `read` has to work on."""
        if self.profile is not None or not _may_start(frame):
            return len(frame)
        return max(len(frame), FIRST_START_CHARS)

    def read(self, frame: str | bytes, now: float) -> Event | None:
        """The event of one frame read at `now` (monotonic seconds); None for a frame without an answer (`pong`).

        Raises `PeerProtocolError` with the ids to echo.
        """
        try:
            envelope = decode(frame)
        except PeerProtocolError as error:
            self._spend(frame, now, error)
            raise
        try:
            if envelope.type in UNCOUNTED:
                self.exempt.take(_bytes(frame), now)
            return self._event(envelope, now)
        except PeerProtocolError as error:
            error.session_id, error.request_id = envelope.session_id, envelope.request_id
            if error.code == "rate_limited" and error.close_code is None:
                self._spend(frame, now, error)
            raise

    def _spend(self, frame: str | bytes, now: float, refusal: PeerProtocolError) -> None:
        """Count a frame that was refused before any rate limit had recorded it."""
        try:
            self.exempt.take(_bytes(frame), now)
        except PeerProtocolError as error:
            error.session_id, error.request_id = refusal.session_id, refusal.request_id
            raise

    def _event(self, envelope: Envelope, now: float) -> Event | None:
        ids = envelope.session_id, envelope.request_id
        match envelope.type:
            case "start" | "message" | "followup":
                return self._turn_frame(envelope, TurnKind(envelope.type), now)
            case "cancel":
                return self._cancel(envelope, now)
            case "end":
                return ev.EndRequested(*ids, now)
            case "ping":
                return ev.PingReceived(*ids)
            case "pong":
                return None
        self.messages.take(now)
        raise invalid_message(
            "unknown_message_type", "Unknown 'type'; use start, message, followup, cancel, end, ping or pong."
        )

    def _cancel(self, envelope: Envelope, now: float) -> Event:
        self.cancels.take(now)
        self._check_session(envelope)
        return ev.CancelRequested(
            session_id=envelope.session_id,
            request_id=envelope.request_id,
            reason=parse_cancel_reason(envelope.payload),
            used=envelope.request_id in self._used,
            played=parse_played(envelope.payload),
            read_at=now,
        )

    def _turn_frame(self, envelope: Envelope, kind: TurnKind, now: float) -> ev.TurnRequested:
        self.messages.take(now)
        if self.session_id is None and kind is not TurnKind.START:
            raise invalid_message("no_active_session", "There is no session yet; send a 'start' frame first.")
        self._check_session(envelope)
        if envelope.request_id in self._used:
            raise invalid_message(
                "duplicate_request_id", "This 'request_id' was already used on this connection; make a new one."
            )
        if self.profile is None:
            payload, opening = self._first_start(envelope.payload)
            profile = opening.profile
        else:
            payload, opening, profile = self._later(kind, envelope.payload), None, self.profile
        turn = self._turn + 1
        message = self._message(kind, turn, payload.text, profile)
        self._bind(envelope, turn, profile)
        return ev.TurnRequested(
            turn=turn,
            kind=kind,
            session_id=envelope.session_id,
            request_id=envelope.request_id,
            payload=payload,
            message=message,
            opening=opening,
            routed=self.site.routing is not None and kind is not TurnKind.FOLLOWUP,
            read_at=now,
        )

    def _check_session(self, envelope: Envelope) -> None:
        if self.session_id is not None and envelope.session_id != self.session_id:
            raise invalid_payload(
                "invalid_session_id", "This connection belongs to another 'session_id'; open one connection a session."
            )

    def _first_start(self, payload: Mapping[str, object]) -> tuple[TurnPayload, Opening]:
        try:
            parsed = parse_first_start(payload, self.site.turns)
            return parsed, self._opening(parsed)
        except PeerProtocolError as error:
            error.close_code = INVALID_FIRST_START_CLOSE_CODE
            raise

    def _opening(self, payload: TurnPayload) -> Opening:
        persona = payload.persona or Persona()
        text = self.site.text
        if text is not None and persona.chat_prompt is not None:
            limit = self.site.turns.prompt_max_tokens
            if text.at_most(persona.chat_prompt) > limit and (tokens := text.count(persona.chat_prompt)) > limit:
                raise chat_prompt_too_long(tokens, limit, "tokens")
        try:
            profile = self.site.open(persona, self.today())
        except TextRefused:
            raise invalid_settings(
                "invalid_chat_prompt", "The model's chat template does not take this 'chat_prompt'; word it otherwise."
            ) from None
        if payload.history is None:
            return Opening(profile, None)
        items = [(item.role, item.text) for item in payload.history]
        if profile.measure is not None and profile.trim is not None:
            return Opening(profile, intake.import_chat(items, profile.measure, profile.trim, self.site.routing))
        assert self.site.routing is not None, "a deployment without a chat model has a router"
        return Opening(profile, intake.import_tool(items, self.site.routing))

    def _later(self, kind: TurnKind, payload: Mapping[str, object]) -> TurnPayload:
        if kind is not TurnKind.FOLLOWUP:
            return parse_turn(payload, self.site.turns, locked=kind is TurnKind.START and carries_persona(payload))
        if self.site.text is None:
            raise invalid_settings("followup_unavailable", "This server has no chat model, so it takes no 'followup'.")
        return parse_followup(payload)

    def _message(self, kind: TurnKind, turn: int, text: str, profile: Profile) -> HistoryMessage:
        if profile.measure is None:
            assert self.site.routing is not None, "a deployment without a chat model has a router"
            return intake.routed(turn, text, self.site.routing)
        if kind is TurnKind.FOLLOWUP:
            return intake.analysis(turn, text, profile.checked_prefix, profile.measure)
        return intake.utterance(turn, text, profile.measure, self.site.routing)

    def _bind(self, envelope: Envelope, turn: int, profile: Profile) -> None:
        self.session_id, self.profile, self._turn = envelope.session_id, profile, turn
        self._used[envelope.request_id] = None
        if len(self._used) > REMEMBERED_IDS:
            del self._used[next(iter(self._used))]


def _may_start(frame: str | bytes) -> bool:
    """Whether a frame may be a `start`: it says so in plain letters, or has escapes that may say so."""
    return isinstance(frame, str) and ('"start"' in frame or "\\" in frame)


def _bytes(frame: str | bytes) -> int:
    """The frame's bytes on the wire, in steps that let other threads have their turn."""
    if isinstance(frame, bytes) or frame.isascii():
        return len(frame)
    steps = range(0, len(frame), COUNTED_AT_ONCE)
    return sum(len(frame[at : at + COUNTED_AT_ONCE].encode("utf-8", "surrogatepass")) for at in steps)


__all__ = ["REMEMBERED_IDS", "Gate"]
