"""The demo tool model as it is shipped: its score on the held-out set and its decisions in conversation.

Made once below YAP_HOME, shared with `just demo`: about a minute the first time.
"""

import itertools
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from attrs import frozen

from tooling.benchmarks.speculation.__main__ import LOOK, PLAIN
from tooling.demo import tool
from tooling.demo.files import read_all
from tooling.demo.tool import evaluation, utterances
from tooling.demo.tool.recipe import THRESHOLD


@frozen
class Decider:
    """The checkpoint as a server loads it."""

    model: object
    tokenizer: object

    def probabilities(self, texts: Sequence[str]) -> list[float]:
        return evaluation.probabilities(self.model, self.tokenizer, texts, 512)

    def score(self, examples: Sequence[utterances.Example]) -> evaluation.Score:
        return evaluation.evaluate(self.model, self.tokenizer, examples, 512)


@pytest.fixture(scope="module")
def decider() -> Decider:
    from tokenizers import Tokenizer
    from transformers import AutoModelForSequenceClassification

    home = Path(os.environ.get("YAP_HOME", "~/.cache/yap")).expanduser()  # noqa: TID251 - shared with `just demo`
    path = tool.ensure(home, lambda line: None)
    model = AutoModelForSequenceClassification.from_pretrained(path)
    return Decider(model.eval(), Tokenizer.from_file(str(path / "tokenizer.json")))


def test_at_least_95_of_100_held_out_decisions_are_right(decider: Decider) -> None:
    score = decider.score(utterances.labelled(read_all("tool")["heldout.txt"]))
    assert score.accuracy >= 0.95, score.table()


def test_requests_to_look_are_yes_alone_and_after_talk(decider: Decider) -> None:
    texts = [*LOOK, *(f"{talk}\n{look}" for talk, look in itertools.product(PLAIN, LOOK))]
    assert [text for text, p in zip(texts, decider.probabilities(texts), strict=True) if p < THRESHOLD] == []


def test_talk_is_no_alone_and_after_a_request_to_look(decider: Decider) -> None:
    texts = [*PLAIN, *(f"{look}\n{talk}" for talk, look in itertools.product(PLAIN, LOOK)), "\n".join([*LOOK, *PLAIN])]
    assert [text for text, p in zip(texts, decider.probabilities(texts), strict=True) if p >= THRESHOLD] == []
