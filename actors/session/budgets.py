"""Token budgets of a session: what a message may cost, when the history is trimmed, and down to what.

Pure: token counts and cuts come in as callables, so that this knows neither tokenizers nor threads.
"""

from collections.abc import Callable

from attrs import field, frozen

Count = Callable[[str], int]
Cut = Callable[[str, int], tuple[str, int]]


@frozen
class Limits:
    """History tokens: above `trigger` the oldest turns go, until at most `target` is left."""

    trigger: int
    target: int

    def for_import(self) -> "Limits":
        """An imported history is trimmed to the target at once."""
        return Limits(self.target, self.target)


@frozen(kw_only=True)
class Measure:
    """How one session's messages are measured, in tokens of the chat tokenizer.

    `count`: tokens of a text, neutralised, without special tokens. `at_most`: a number that these are not above, which
    is told sooner. `cut`: the start of a text within so many tokens, with the tokens of what is left. `per_message`:
    what the template adds to each message. `check_tokens`: tokens of the check prefix and its space, 0 where no router
    can attach it (mode chat). `checked_tokens`: the same for the checked prefix. `utterance_max`: tokens of an
    utterance or analysis, its prefix included.
    """

    count: Count = field(repr=False)
    at_most: Count = field(repr=False)
    cut: Cut = field(repr=False)
    per_message: int
    check_tokens: int = 0
    checked_tokens: int = 0
    utterance_max: int = 500

    @property
    def utterance_budget(self) -> int:
        """Text tokens of an utterance, at least 1."""
        return text_budget(self.utterance_max, self.check_tokens)

    @property
    def analysis_budget(self) -> int:
        """Text tokens of an analysis, at least 1."""
        return text_budget(self.utterance_max, self.checked_tokens)


def text_budget(limit: int, prefix_tokens: int) -> int:
    """Tokens left for a text behind a prefix of `prefix_tokens` (its space included), at least 1."""
    return max(1, limit - prefix_tokens)


def trim_limits(room: int, *, max_tokens: int = 3000, target_tokens: int = 2000) -> Limits:
    """Limits of a history that has `room` tokens: `CHAT_MAX_LEN` - `CHAT_MAX_OUT` - what every prompt holds anyway.

    The target shrinks with the trigger, in proportion. `room` < 1 counts as 1: the newest message always stays.
    """
    trigger = min(max_tokens, max(1, room))
    target = target_tokens if trigger == max_tokens else trigger * target_tokens // max_tokens
    return Limits(trigger, max(1, target))


__all__ = ["Count", "Cut", "Limits", "Measure", "text_budget", "trim_limits"]
