"""The command-line clients, and the families of the spoken-text sanitizer."""

from attrs import frozen

from runtime.settings.groups.words import Gender
from runtime.settings.kinds import Flag, Float, Int, Letters, Url, Word
from runtime.settings.variable import Derived, optional, setting


@frozen(kw_only=True)
class Clients:
    """The command-line clients. The server knows these names, so that it can tell a typing error, and no more."""

    server_ws_url: str = setting(
        "SERVER_WS_URL",
        Url(("ws", "wss"), "/ws"),
        "ws://127.0.0.1:8000/ws",
        "The server to talk to; the key comes from `TEXT_API_KEY`.",
        flags=("--server",),
    )
    gender: Gender | None = optional("GENDER", Word(Gender), "Persona.", unset="unset (client's own)")
    personality: str = setting("PERSONALITY", Letters(), "wholesome", "Persona.")
    recv_timeout_s: float = setting("RECV_TIMEOUT_SEC", Float(above=0), 60.0, "Longest wait for a frame.")
    ping_interval_s: float = setting("TEST_WS_PING_INTERVAL", Float(above=0), 20.0, "Time between protocol pings.")
    ping_timeout_s: float = setting("TEST_WS_PING_TIMEOUT", Float(above=0), 20.0, "Longest wait for their pong.")
    tool_message_window_s: float = setting(
        "TOOL_WS_MESSAGE_WINDOW_SECONDS", Float(above=0), 60.0, "Tool regression client: window of its own pacing."
    )
    tool_max_messages_per_window: int = setting(
        "TOOL_WS_MAX_MESSAGES_PER_WINDOW", Int(0), 25, "Tool regression client: messages in that window."
    )
    idle_normal_wait_s: float = setting(
        "IDLE_NORMAL_WAIT_SECONDS", Float(low=0), 3.0, "Idle client: a pause that must not close the connection."
    )
    idle_expect_s: float = setting(
        "IDLE_EXPECT_SECONDS",
        Float(low=0),
        Derived("`WS_IDLE_TIMEOUT_S`", lambda of: of.number("WS_IDLE_TIMEOUT_S")),
        "Idle client: when it expects to be closed.",
    )
    idle_grace_s: float = setting("IDLE_GRACE_SECONDS", Float(low=0), 15.0, "Idle client: how late that may come.")


@frozen(kw_only=True)
class Sanitize:
    """Families of the spoken-text sanitizer: what it rewrites in replies. All at once: `sanitize_output` of a turn."""

    contacts: bool = setting("SANITIZE_CONTACTS", Flag(), True, "Spell e-mail addresses and telephone numbers out.")
    numbers: bool = setting("SANITIZE_NUMBERS", Flag(), True, "Spell numbers and units out.")
    emoji: bool = setting("SANITIZE_EMOJI", Flag(), True, "Leave emoji, kaomoji and emoticons out.")
    markdown: bool = setting("SANITIZE_MARKDOWN", Flag(), True, "Leave markup out.")


__all__ = ["Clients", "Sanitize"]
