"""Client payload -> typed request: every field of the protocol's section 4, checked before anything is touched."""

from collections.abc import Mapping
from typing import Literal

from attrs import field, frozen

from protocol.envelope import MAX_ID_CHARS
from protocol.errors import PeerProtocolError, invalid_payload, invalid_settings
from protocol.limits import (
    CANCEL_REASON_MAX_CHARS,
    HISTORY_MAX_CHARS,
    HISTORY_MAX_MESSAGES,
    UTTERANCE_MAX_CHARS,
    TurnLimits,
)
from protocol.sampling import Overrides, parse_overrides
from protocol.speech import Speech, parse_speech
from protocol.text import sanitize_prompt

Payload = Mapping[str, object]
GENDERS = {"female": "female", "woman": "female", "male": "male", "man": "male"}
PERSONA_KEYS = ("chat_prompt", "gender", "personality", "check_screen_prefix", "screen_checked_prefix")
DEFAULT_CANCEL_REASON = "client_request"
WORD_MAX_CHARS = 64
"""What is read of a word with a few known values, blanks around it included."""

RAW_PROMPT_FACTOR = 4
"""A prompt may shrink by so much while it is sanitised; one that is longer still is not even looked at."""

Unit = Literal["characters", "tokens"]
_PROMPT_LIMITS: Mapping[Unit, str] = {"characters": "PROMPT_SANITIZE_MAX_CHARS", "tokens": "CHAT_PROMPT_MAX_TOKENS"}

TEXT_PARTS = ("text", "input_text", "output_text")  # OpenAI's names for the same thing, by API


@frozen
class Played:
    """What the client says was heard of a turn's reply: its first `chars` code points."""

    request_id: str
    chars: int


@frozen(kw_only=True)
class Persona:
    """What a first start fixes for the session. `chat_prompt` is None where no chat model is served."""

    gender: str | None = None
    personality: str | None = None
    chat_prompt: str | None = field(default=None, repr=False)
    check_prefix: str | None = None
    checked_prefix: str | None = None
    speech: Speech = field(factory=Speech)


@frozen
class HistoryItem:
    """One message of an imported history, role and content as sent.

    Text parts are joined; a content without text (null, only images or tool calls) is empty, which is skipped later.
    """

    role: str
    text: str = field(repr=False)


@frozen(kw_only=True)
class TurnPayload:
    """A valid turn frame. `persona`, `history`: first starts only; `locked`: a later start brought persona fields."""

    text: str = field(repr=False)
    overrides: Overrides = field(factory=dict)
    played: Played | None = None
    persona: Persona | None = None
    history: tuple[HistoryItem, ...] | None = field(default=None, repr=False)
    locked: bool = False


def parse_first_start(payload: Payload, limits: TurnLimits) -> TurnPayload:
    """The start that binds a connection. Token limits of the chat prompt are checked by the caller."""
    return TurnPayload(
        text=_utterance(payload),
        persona=_persona(payload, limits),
        history=_history(payload.get("history")),
        overrides=parse_overrides(payload, limits.bounds) if limits.chat else {},
        played=parse_played(payload),
    )


def parse_turn(payload: Payload, limits: TurnLimits, *, locked: bool = False) -> TurnPayload:
    """A message, or a start of a bound session, whose persona fields are ignored and reported as locked."""
    return TurnPayload(
        locked=locked,
        text=_utterance(payload),
        overrides=parse_overrides(payload, limits.bounds) if limits.chat else {},
        played=parse_played(payload),
    )


def parse_followup(payload: Payload) -> TurnPayload:
    """The client's screen analysis."""
    return TurnPayload(text=_text(payload, "analysis_text"))


def carries_persona(payload: Payload) -> bool:
    """Whether a later start tries to change what its session's first start fixed."""
    return any(payload.get(key) is not None for key in PERSONA_KEYS)


def parse_cancel_reason(payload: Payload) -> str:
    """The client's reason, or `client_request`."""
    reason = payload.get("reason")
    if reason is None:
        return DEFAULT_CANCEL_REASON
    if not isinstance(reason, str) or len(reason) > CANCEL_REASON_MAX_CHARS:
        raise invalid_payload(
            "invalid_reason", f"'reason' must be a string of at most {CANCEL_REASON_MAX_CHARS} characters, or absent."
        )
    return reason if reason.strip() else DEFAULT_CANCEL_REASON


def parse_played(payload: Payload) -> Played | None:
    """The `played` field of a message, start or cancel."""
    played = payload.get("played")
    if played is None:
        return None
    turn = played.get("request_id") if isinstance(played, dict) else None
    chars = played.get("chars") if isinstance(played, dict) else None
    if isinstance(turn, bool) or not isinstance(turn, (str, int)) or isinstance(chars, bool):
        chars = None
    if not isinstance(chars, int) or chars < 0:
        raise invalid_payload("invalid_played", '\'played\' must be {"request_id": "<turn>", "chars": n} with n >= 0.')
    # One character more than any turn's id has: unknown all the same, and cheap to look up.
    return Played(str(turn)[: MAX_ID_CHARS + 1], chars)


def _utterance(payload: Payload) -> str:
    return _text(payload, "user_utterance")


def _text(payload: Payload, key: str) -> str:
    value = payload.get(key)
    if isinstance(value, str) and len(value) > UTTERANCE_MAX_CHARS:
        raise invalid_payload(
            "utterance_too_large",
            f"'{key}' has {len(value)} characters, the limit is {UTTERANCE_MAX_CHARS}: shorten it.",
        )
    if value is None or (isinstance(value, str) and not value.strip()):
        raise invalid_payload(f"missing_{key}", f"'{key}' is required and must not be blank.")
    if not isinstance(value, str):
        raise invalid_payload(f"invalid_{key}", f"'{key}' must be a string.")
    return value.strip()


def _persona(payload: Payload, limits: TurnLimits) -> Persona:
    return Persona(
        gender=_gender(payload.get("gender")),
        personality=_personality(payload.get("personality"), limits.personality_max_chars),
        chat_prompt=_chat_prompt(payload.get("chat_prompt"), limits) if limits.chat else None,
        check_prefix=_prefix(payload, "check_screen_prefix", limits) if limits.chat else None,
        checked_prefix=_prefix(payload, "screen_checked_prefix", limits) if limits.chat else None,
        speech=parse_speech(payload, limits.reserved_tags) if limits.chat else Speech(),
    )


def _gender(value: object) -> str | None:
    if value is None:
        return None
    known = GENDERS.get(value.strip().lower()) if isinstance(value, str) and len(value) <= WORD_MAX_CHARS else None
    if known is None:
        raise invalid_payload("invalid_gender", "'gender' must be 'female' or 'male' (or 'woman', 'man').")
    return known


def _personality(value: object, longest: int) -> str | None:
    if value is None:
        return None
    name = value.strip() if isinstance(value, str) and len(value) <= WORD_MAX_CHARS + longest else ""
    if not name.isalpha() or len(name) > longest:
        size = f", not {len(value)} characters" if isinstance(value, str) and len(value) > longest else ""
        raise invalid_payload(
            "invalid_personality",
            f"'personality' must be 1 to {longest} letters{size}; PERSONALITY_MAX_LEN of the server allows more.",
        )
    return name


def _chat_prompt(value: object, limits: TurnLimits) -> str:
    if value is None:
        raise invalid_settings("missing_chat_prompt", "'chat_prompt' is required in the first start of a session.")
    if not isinstance(value, str):
        raise invalid_settings("invalid_chat_prompt", "'chat_prompt' must be a string.")
    if len(value) > limits.prompt_max_chars * RAW_PROMPT_FACTOR:
        raise chat_prompt_too_long(len(value), limits.prompt_max_chars, "characters")
    prompt = sanitize_prompt(value)
    if not prompt:
        raise invalid_settings("invalid_chat_prompt", "'chat_prompt' must not be blank.")
    if len(prompt) > limits.prompt_max_chars:
        raise chat_prompt_too_long(len(prompt), limits.prompt_max_chars, "characters")
    return prompt


def chat_prompt_too_long(size: int, limit: int, unit: Unit) -> PeerProtocolError:
    """The refusal of a chat prompt that is over its limit in `unit`."""
    return invalid_settings(
        "chat_prompt_too_long",
        f"'chat_prompt' has {size} {unit}, the limit is {limit}: shorten it, or raise {_PROMPT_LIMITS[unit]} "
        "on the server.",
    )


def _prefix(payload: Payload, key: str, limits: TurnLimits) -> str | None:
    value = payload.get(key)
    if value is None:
        return None
    sane = isinstance(value, str) and len(value) <= WORD_MAX_CHARS + limits.prefix_max_chars * RAW_PROMPT_FACTOR
    prefix = sanitize_prompt(value) if isinstance(value, str) and sane else None
    if not isinstance(value, str):
        raise invalid_settings(f"invalid_{key}", f"'{key}' must be a string.")
    if prefix is None or len(prefix) > limits.prefix_max_chars:
        size = len(value if prefix is None else prefix)
        raise invalid_settings(
            f"invalid_{key}",
            f"'{key}' has {size} characters, the limit is {limits.prefix_max_chars}: shorten it, or raise "
            "SCREEN_PREFIX_MAX_CHARS on the server.",
        )
    return prefix or None


def _history(value: object) -> tuple[HistoryItem, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list):
        raise _invalid_history("it is not a list")
    if len(value) > HISTORY_MAX_MESSAGES:
        raise _history_too_large(len(value), HISTORY_MAX_MESSAGES, "messages")
    items = tuple(_history_item(index, item) for index, item in enumerate(value))
    size = sum(len(item.text) for item in items)
    if size > HISTORY_MAX_CHARS:
        raise _history_too_large(size, HISTORY_MAX_CHARS, "characters")
    return items


def _history_item(index: int, item: object) -> HistoryItem:
    if not isinstance(item, dict):
        raise _invalid_history(f"message {index} is not an object")
    role, content = item.get("role"), item.get("content")
    if role is None and isinstance(kind := item.get("type"), str) and kind != "message":
        return HistoryItem("tool", "")  # the Responses API: a call, what came of it, a thought
    if not isinstance(role, str):
        raise _invalid_history(f"the role of message {index} is not a string")
    if content is None:
        content = ""
    elif isinstance(content, list):
        content = "\n".join(text for part in content if (text := _part_text(index, part)) is not None)
    if not isinstance(content, str):
        raise _invalid_history(f"the content of message {index} is neither a string nor a list of parts")
    return HistoryItem(role[:WORD_MAX_CHARS], content)


def _part_text(index: int, part: object) -> str | None:
    """The text of one part of a content; None for images, tool calls, refusals and whatever else there may be."""
    kind = part.get("type") if isinstance(part, dict) else None
    if isinstance(part, dict) and isinstance(kind, str) and kind in TEXT_PARTS:
        part = part.get("text")
        if isinstance(part, dict):  # the Assistants API has a text stand beside its annotations
            part = part.get("value")
        if part is not None and not isinstance(part, str):
            raise _invalid_history(f"a text part of message {index} has no text")
    return part if isinstance(part, str) else None


def _invalid_history(why: str) -> PeerProtocolError:
    return invalid_payload("invalid_history", f"'history' must be a list of {{role, content}}: {why}.")


def _history_too_large(size: int, limit: int, unit: str) -> PeerProtocolError:
    return invalid_payload("history_too_large", f"'history' has {size} {unit}, the limit is {limit}: send less of it.")


__all__ = [
    "DEFAULT_CANCEL_REASON",
    "HistoryItem",
    "Payload",
    "Persona",
    "Played",
    "TurnPayload",
    "carries_persona",
    "chat_prompt_too_long",
    "parse_cancel_reason",
    "parse_first_start",
    "parse_followup",
    "parse_played",
    "parse_turn",
]
