"""What must fit into what: the context, the screen prefixes, the outbox."""

from collections.abc import Iterator

from runtime.settings.kinds import shortened
from runtime.settings.rules.conflict import Conflict
from runtime.settings.sections import Sections

# Tokens that a chat template may add around the longest chat prompt and the longest utterance.
TEMPLATE_RESERVE = 64
# Bytes of a reply on the wire, as JSON, for each token that it may have. Vocabularies have about 4 bytes a token in
# English and 6 to 9 in scripts of three-byte characters; what is spoken out, such as digits, comes to about 6.
TOKEN_BYTES = 32
# What the frames of a turn hold besides its text: ids, usage, timings, the router's decision.
FRAMES_BYTES = 4096


def conflicts(settings: Sections) -> Iterator[Conflict]:
    """Lengths that cannot be had together, where there is a chat."""
    if settings.deployment.deploy_mode.chats:
        yield from _context(settings)
        yield from _prefix(settings, "CHECK_SCREEN_PREFIX", settings.chat.check_screen_prefix)
        yield from _prefix(settings, "SCREEN_CHECKED_PREFIX", settings.chat.screen_checked_prefix)
        yield from _outbox(settings)


def _context(settings: Sections) -> Iterator[Conflict]:
    chat = settings.chat
    needed = chat.prompt_max_tokens + chat.user_utt_max_tokens + chat.max_out + TEMPLATE_RESERVE
    if chat.max_len < needed:
        yield Conflict(
            "CHAT_MAX_LEN",
            f"{chat.max_len} is below {needed} = CHAT_PROMPT_MAX_TOKENS ({chat.prompt_max_tokens}) + "
            f"USER_UTT_MAX_TOKENS ({chat.user_utt_max_tokens}) + CHAT_MAX_OUT ({chat.max_out}) + {TEMPLATE_RESERVE}",
            ("CHAT_PROMPT_MAX_TOKENS", "USER_UTT_MAX_TOKENS", "CHAT_MAX_OUT", "DEPLOY_MODE"),
        )


def _prefix(settings: Sections, name: str, prefix: str) -> Iterator[Conflict]:
    most = settings.chat.screen_prefix_max_chars
    if len(prefix) > most:
        yield Conflict(
            name,
            f"{shortened(prefix)} has {len(prefix)} characters, at most SCREEN_PREFIX_MAX_CHARS ({most}) fit",
            ("SCREEN_PREFIX_MAX_CHARS", "DEPLOY_MODE"),
        )


def _outbox(settings: Sections) -> Iterator[Conflict]:
    """The longest reply has to fit twice: a turn's end can come while all of its text still waits."""
    size, reply = settings.connections.outbox_max_bytes, settings.chat.max_out
    needed = 2 * TOKEN_BYTES * reply + FRAMES_BYTES
    if size < needed:
        yield Conflict(
            "WS_OUTBOX_MAX_BYTES",
            f"{size} is below {needed} = 2 x {TOKEN_BYTES} x CHAT_MAX_OUT ({reply}) + {FRAMES_BYTES}, what one "
            "turn may have to send at once",
            ("CHAT_MAX_OUT", "DEPLOY_MODE"),
        )


__all__ = ["TEMPLATE_RESERVE", "conflicts"]
