"""Judges a demo tool model by the held-out utterances."""

from collections.abc import Sequence
from typing import Any

import torch
from attrs import frozen

from tooling.demo.tool.recipe import THRESHOLD
from tooling.demo.tool.training import encode
from tooling.demo.tool.utterances import Example


@frozen
class Score:
    """Counts over the held-out examples; `wrong` holds the texts that were decided wrongly, with their scores."""

    yes: int
    no: int
    missed: int
    false_alarms: int
    wrong: Sequence[tuple[str, float]]

    @property
    def accuracy(self) -> float:
        """Share of right decisions, 0 to 1."""
        return 1 - (self.missed + self.false_alarms) / (self.yes + self.no)

    def table(self) -> str:
        """Return the counts as a table in Markdown."""
        rows = [
            ("yes", self.yes, self.yes - self.missed),
            ("no", self.no, self.no - self.false_alarms),
            ("all", self.yes + self.no, self.yes + self.no - self.missed - self.false_alarms),
        ]
        lines = ["| held-out | examples | right | share |", "| --- | --- | --- | --- |"]
        return "\n".join(
            lines + [f"| {name} | {count} | {right} | {right / count:.1%} |" for name, count, right in rows]
        )


def evaluate(model: Any, tokenizer: Any, examples: Sequence[Example], limit: int) -> Score:
    """Return the score of a model that is in evaluation mode."""
    scores = probabilities(model, tokenizer, [example.text for example in examples], limit)
    decided = [(example, score, score >= THRESHOLD) for example, score in zip(examples, scores, strict=True)]
    return Score(
        yes=sum(example.label == 1 for example in examples),
        no=sum(example.label == 0 for example in examples),
        missed=sum(example.label == 1 and not yes for example, _, yes in decided),
        false_alarms=sum(example.label == 0 and yes for example, _, yes in decided),
        wrong=[(example.text, score) for example, score, yes in decided if yes != (example.label == 1)],
    )


def probabilities(model: Any, tokenizer: Any, texts: Sequence[str], limit: int) -> list[float]:
    """Return the probability of yes for each text."""
    with torch.inference_mode():
        logits = model(**encode(tokenizer, texts, limit)).logits
    return [float(value) for value in torch.softmax(logits, -1)[:, 1]]


__all__ = ["Score", "evaluate", "probabilities"]
