"""User texts as the tool tokenizer counts and cuts them, never with special tokens."""

import copy

from attrs import field, frozen

from engines.prompts import cutting
from engines.prompts.encoder import Encoder, HubTokenizer, encoder_of


@frozen
class TextMeasure:
    """Counting and cutting for one tool model; any thread may ask.

    `budget`: tokens of all user texts of one input. `newline_tokens`: what the newline between two texts costs.
    """

    encoder: Encoder = field(repr=False)
    budget: int
    newline_tokens: int

    def count(self, text: str) -> int:
        """Tokens of a text."""
        return self.encoder.count(text)

    def cut_end(self, text: str, tokens: int) -> tuple[str, int]:
        """The end of a text within so many tokens, whole characters only, and how many tokens it has."""
        return cutting.cut_end(self.encoder, text, tokens)


def measure_of(tokenizer: HubTokenizer, budget: int) -> TextMeasure:
    """The measure of a tokenizer; its own copy, since the model's batches set truncation on the original."""
    encoder = encoder_of(copy.deepcopy(tokenizer))
    return TextMeasure(encoder, budget, encoder.count("\n"))


__all__ = ["TextMeasure", "measure_of"]
