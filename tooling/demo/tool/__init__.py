"""The demo tool checkpoint: a small BERT that tells screen requests from other talk."""

from tooling.demo.tool.checkpoint import ensure

__all__ = ["ensure"]
