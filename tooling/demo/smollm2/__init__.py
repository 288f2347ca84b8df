"""SmolLM2-135M-Instruct, the small real model that is served where none is named: fetched, converted, kept."""

from tooling.demo.smollm2.checkpoint import NAME, ensure
from tooling.demo.smollm2.wheel import Unavailable

__all__ = ["NAME", "Unavailable", "ensure"]
