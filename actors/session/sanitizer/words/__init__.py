"""Rules 9 to 16: what is decided on one whole word."""

from actors.session.sanitizer.words.assembly import Words

__all__ = ["Words"]
