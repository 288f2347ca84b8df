"""The demo chat checkpoint: a small Llama that knows a script of small talk."""

from tooling.demo.chat.checkpoint import ensure

__all__ = ["ensure"]
