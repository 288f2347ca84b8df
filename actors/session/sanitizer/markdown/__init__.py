"""Rules 24 and 25, as far as they span words: marks at a line's start, tables, links, formulas."""

from actors.session.sanitizer.markdown.chain import OPENING, Markdown

__all__ = ["OPENING", "Markdown"]
