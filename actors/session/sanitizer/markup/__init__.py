"""Rules 1 to 4, 23 and 28: reasoning, comments, entities, tags. Each stage reads what the one before it left."""

from actors.session.sanitizer.markup.chain import OPENING, Markup

__all__ = ["OPENING", "Markup"]
