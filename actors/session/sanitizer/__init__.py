"""What a chat model writes becomes text that can be spoken aloud, while it streams. Pure: no I/O, clock or logging."""

from actors.session.sanitizer.families import Families
from actors.session.sanitizer.pipeline import Sanitizer

__all__ = ["Families", "Sanitizer"]
