"""Bounds of one connection, and a logger for the WebSocket library that tells nobody anything."""

import logging

from attrs import frozen


@frozen(kw_only=True)
class LinkLimits:
    """Bounds of one WebSocket. Seconds end in `_s`; `ping_interval_s` None: no protocol pings of ours.

    `connect_s`: name, TCP, TLS and handshake together. `send_s`: until the system has taken a frame. `close_s`: for
    the close handshake. `max_waiting`: frames that may wait unread before reading stops, and pings go unanswered.
    """

    connect_s: float = 10.0
    send_s: float = 10.0
    close_s: float = 2.0
    ping_interval_s: float | None = 20.0
    ping_timeout_s: float = 20.0
    max_frame_bytes: int = 1 << 20
    max_waiting: int = 4096


def silent_logger() -> logging.Logger:
    """A logger that no configuration can turn on: at DEBUG websockets logs request lines and headers, keys included."""
    logger = logging.Logger("yap_client.silent", logging.CRITICAL)
    logger.disabled = True
    logger.propagate = False
    return logger


__all__ = ["LinkLimits", "silent_logger"]
