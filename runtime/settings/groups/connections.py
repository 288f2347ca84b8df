"""Sockets, limits, close codes, keys."""

from attrs import frozen

from runtime.settings.kinds import CloseCode, Flag, Float, Int, Network, Networks, Text
from runtime.settings.variable import Derived, setting


@frozen(kw_only=True)
class Connections:
    """Sockets, limits, close codes, keys."""

    max_frame_bytes: int = setting(
        "WS_MAX_FRAME_BYTES", Int(1024, 16777216), 2097152, "A larger inbound message closes the connection with 1009."
    )
    ping_interval_s: float = setting(
        "WS_PING_INTERVAL_S",
        Float(low=0),
        25.0,
        "A protocol ping after the server was silent that long, so that proxies keep the connection; 0: none.",
    )
    max_pending: int = setting(
        "WS_MAX_PENDING",
        Int(1),
        256,
        "Connections that have no slot yet; one more closes the one whose head has been incomplete for longest.",
    )
    trusted_proxies: tuple[Network, ...] = setting(
        "TRUSTED_PROXIES",
        Networks(),
        Derived("unset", lambda _: ()),
        "Addresses or networks (`10.0.0.0/8`), comma-separated, of proxies whose `X-Forwarded-For` is believed.",
    )
    compression: bool = setting(
        "WS_COMPRESSION",
        Flag(),
        False,
        "Offer permessage-deflate. Token frames are tiny, so it costs more than it saves.",
    )
    idle_timeout_s: float = setting(
        "WS_IDLE_TIMEOUT_S", Float(low=0), 150.0, "Close a connection that was silent that long; 0: never."
    )
    handshake_acquire_timeout_s: float = setting(
        "WS_HANDSHAKE_ACQUIRE_TIMEOUT_S", Float(low=0, high=60), 0.5, "How long a newcomer waits for a free slot."
    )
    send_timeout_s: float = setting(
        "WS_SEND_TIMEOUT_S",
        Float(above=0),
        20.0,
        "Close a client that took nothing for that long while something waited for it.",
    )
    outbox_max_bytes: int = setting(
        "WS_OUTBOX_MAX_BYTES",
        Int(4096),
        262144,
        "Unsent bytes held for one session; more: closed as too slow. With a chat at least 64 x `CHAT_MAX_OUT` + 4096.",
    )
    max_messages_per_window: int = setting(
        "WS_MAX_MESSAGES_PER_WINDOW", Int(0), 25, "Turn frames a connection may send per window; 0: no limit."
    )
    message_window_s: float = setting("WS_MESSAGE_WINDOW_SECONDS", Float(low=0), 60.0, "That window; 0: no limit.")
    max_cancels_per_window: int = setting(
        "WS_MAX_CANCELS_PER_WINDOW",
        Int(0),
        Derived("message value", lambda of: of.whole("WS_MAX_MESSAGES_PER_WINDOW")),
        "The same for `cancel`.",
    )
    cancel_window_s: float = setting(
        "WS_CANCEL_WINDOW_SECONDS",
        Float(low=0),
        Derived("message value", lambda of: of.number("WS_MESSAGE_WINDOW_SECONDS")),
        "The same for `cancel`.",
    )
    close_idle_code: int = setting("WS_CLOSE_IDLE_CODE", CloseCode(), 4000, "Close code of an idle connection.")
    close_idle_reason: str = setting("WS_CLOSE_IDLE_REASON", Text(123), "idle_timeout", "Its close reason.")
    close_unauthorized_code: int = setting(
        "WS_CLOSE_UNAUTHORIZED_CODE", CloseCode(), 1008, "Close code after a missing or wrong key."
    )
    close_busy_code: int = setting("WS_CLOSE_BUSY_CODE", CloseCode(), 1013, "Close code when no slot is free.")
    close_client_request_code: int = setting(
        "WS_CLOSE_CLIENT_REQUEST_CODE", CloseCode(), 1000, "Close code after `end`."
    )
    auth_max_failures: int = setting(
        "AUTH_MAX_FAILURES", Int(0), 20, "Wrong keys a peer address may send per window; 0: as many as it likes."
    )
    auth_failure_window_s: float = setting("AUTH_FAILURE_WINDOW_S", Float(above=0), 60.0, "That window.")
    cancel_grace_s: float = setting(
        "CANCEL_GRACE_S", Float(above=0), 5.0, "An engine that did not confirm an abort by then counts as hung."
    )


__all__ = ["Connections"]
