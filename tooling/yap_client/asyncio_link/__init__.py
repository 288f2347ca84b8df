"""One WebSocket on asyncio: text frames out and in, every wait bounded, no opinion on what they say."""

from .dialling import dial
from .link import Link

__all__ = ["Link", "dial"]
