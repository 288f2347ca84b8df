"""Rules 1 to 4, 23, 28: reasoning, comments, entities, tags. Each stage reads the characters that the one before it left."""

from actors.session.sanitizer.markup.chain import OPENING, Markup

__all__ = ["OPENING", "Markup"]
