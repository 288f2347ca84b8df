"""Rules 17 to 22: what is decided across words, and the text that leaves."""

from actors.session.sanitizer.speech.chain import Speech

__all__ = ["Speech"]
