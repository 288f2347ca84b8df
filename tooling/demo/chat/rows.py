"""Turns dialogues into rows of token ids, with the positions they stand at and the tokens to be learnt."""

import random
from collections.abc import Sequence
from typing import Any

from attrs import frozen

from tooling.demo.chat.dialogues import Corpus, Message
from tooling.demo.chat.recipe import TURN_END, TURN_START, Recipe


@frozen
class Row:
    """One row: `ids`, `learn` (whether an id is to be predicted) and `positions`, all of the same length."""

    ids: Sequence[int]
    learn: Sequence[bool]
    positions: Sequence[int]


@frozen
class RowMaker:
    """Draws dialogues and encodes them. A row is cut at its length: the model sees no padding."""

    corpus: Corpus
    tokenizer: Any
    recipe: Recipe

    def rows(self, rng: random.Random, *, long: bool) -> list[Row]:
        """Return the rows of one step."""
        recipe = self.recipe
        count, length = (recipe.long_rows, recipe.long_row_tokens) if long else (recipe.rows, recipe.row_tokens)
        return [self._row(rng, length, long=long) for _ in range(count)]

    def _row(self, rng: random.Random, length: int, *, long: bool) -> Row:
        ids: list[int] = []
        learn: list[bool] = []
        starts: list[int] = []
        # Turns are short: a few dozen tokens each, so a row rarely needs a second round.
        messages = self.corpus.dialogue(rng, length // 24, long_prompt=long)
        while len(ids) < length:
            for message in messages:
                starts.append(len(ids))
                self._append(message, ids, learn)
            messages = self.corpus.dialogue(rng, length // 24)
        positions = skip_positions(starts, length, self.recipe, rng)
        return Row(ids[:length], learn[:length], positions)

    def _append(self, message: Message, ids: list[int], learn: list[bool]) -> None:
        head = self.tokenizer.encode(f"{TURN_START}{message.role}\n").ids
        body = self.tokenizer.encode(f"{message.text}{TURN_END}").ids
        tail = self.tokenizer.encode("\n").ids
        ids += [*head, *body, *tail]
        learn += [False] * len(head) + [message.learn] * len(body) + [False] * len(tail)


def skip_positions(starts: Sequence[int], length: int, recipe: Recipe, rng: random.Random) -> list[int]:
    """Return rising positions for `length` tokens that leap forward before some messages, half of the time.

    Leaps let short rows teach the distances of long conversations (positional skip-wise training, "PoSE",
    arXiv 2309.10400). Positions stay below `recipe.positions`.
    """
    leaps: dict[int, int] = {}
    if rng.random() < 0.5:
        budget = rng.randint(0, min(recipe.skipped_positions, recipe.positions - length))
        places = sorted(rng.sample(starts, min(len(starts), rng.randint(1, 3))))
        for place in places:
            leap = rng.randint(0, budget)
            leaps[place] = leap
            budget -= leap
    positions = []
    shift = 0
    for index in range(length):
        shift += leaps.get(index, 0)
        positions.append(index + shift)
    return positions


__all__ = ["Row", "RowMaker", "skip_positions"]
