"""One WebSocket on trio: text frames out and in, every wait bounded, no opinion on what they say."""

from .dialling import dial, open_link
from .link import Link

__all__ = ["Link", "dial", "open_link"]
