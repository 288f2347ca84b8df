"""Which way of detokenising a vocabulary gets: the fastest that gives, token for token, the library's own text.

Except for stray bytes in vocabularies where bytes are tokens of their own: there ours keeps their neighbours (`runs`).
"""

import random
from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from attrs import frozen
from tokenizers import Tokenizer

from engines.detokenising.byte_level import ByteTable
from engines.detokenising.contract import Detokeniser
from engines.detokenising.runs import Runs, byte_tokens
from engines.detokenising.streamed import DecodeStreams

# Text out of a prompt's ids and a reply's, one piece a token: how the library would have streamed it.
Library = Callable[[Sequence[int], Sequence[int]], Sequence[str]]

# Characters of one to four bytes, and some that only make sense together: their tokens are cut and mixed.
_TEXT = "Well, déjà vu: 日本語 ▁ 한국 😀👩‍🚀🏳️‍🌈 Ω≈ç√ \u200d\ufffd \n\n  end"
_TRIALS = 24
_LENGTH = 48


class Unproven(Exception):
    """No way of ours gives the library's text."""


@frozen
class Trial:
    """A made-up prompt and reply."""

    prompt_ids: Sequence[int]
    ids: Sequence[int]


def trials(tokenizer: Tokenizer) -> list[Trial]:
    """The same ones at every start: random ids, added tokens, cut characters, ids outside the vocabulary."""
    chance = random.Random(0)  # noqa: S311 - the opposite of a secret
    size = max(tokenizer.get_vocab_size(with_added_tokens=True), 1)
    pieces = tokenizer.encode(_TEXT, add_special_tokens=False).ids or [0]
    added = list(tokenizer.get_added_tokens_decoder()) or [0]
    pools = [pieces, added, range(size), [size + 1, size + 1000, 2**31]]
    made = [Trial(_whole(tokenizer, 0), pieces), Trial(_whole(tokenizer, 1), [*pieces[::-1], *pieces])]
    for number in range(_TRIALS):
        # Each kind alone, then several of them mixed.
        mixed = [pools[number]] if number < len(pools) else chance.sample(pools, chance.randint(2, len(pools)))
        ids = [chance.choice(chance.choice(mixed)) for _ in range(_LENGTH)]
        made.append(Trial(_whole(tokenizer, number), ids))
    return made


def _whole(tokenizer: Tokenizer, characters: int) -> Sequence[int]:
    # Prompts are texts, so none ends with half a character.
    return tokenizer.encode(f"{_TEXT[:characters]}.", add_special_tokens=False).ids or [0]


def proven(tokenizer: Tokenizer, library: Library) -> Detokeniser:
    """The fastest that agrees with `library`. Raises `Unproven`. Half a second for 100,000 tokens; blocking."""
    candidates = (ByteTable.of(tokenizer), DecodeStreams.of(tokenizer))
    made = trials(tokenizer)
    bytes_of = byte_tokens(tokenizer.token_to_id, tokenizer.decode)
    expected = [_expected(library, trial, Runs(bytes_of)) for trial in made]
    for candidate in candidates:
        if candidate is None or not _agrees(candidate, made, expected):
            continue
        if not isinstance(candidate, ByteTable) or complete(candidate, tokenizer):
            return candidate
    raise Unproven("our detokenising does not give the library's text for this vocabulary")


def _expected(library: Library, trial: Trial, runs: Runs) -> list[str]:
    """The library's pieces, one a token, of a reply without the bytes that are no character."""
    released = [list(runs.push(one)) for one in trial.ids]
    pieces = iter(library(trial.prompt_ids, [one for ids in released for one in ids]))
    return ["".join(islice(pieces, len(ids))) for ids in released]


def _agrees(candidate: Detokeniser, made: Iterable[Trial], expected: Iterable[Sequence[str]]) -> bool:
    for trial, pieces in zip(made, expected, strict=True):
        text = candidate.begin(trial.prompt_ids)
        if [text.push([one]) for one in trial.ids] != pieces:
            return False
    return True


def complete(table: ByteTable, tokenizer: Tokenizer) -> bool:
    """Whether every single entry of the table is what the library decodes that id to."""
    told = tokenizer.decode_batch([[id_] for id_ in range(len(table.whole))], skip_special_tokens=False)
    return all(
        text == (raw if raw is not None else table.broken[id_].decode(errors="replace"))
        for id_, (text, raw) in enumerate(zip(told, table.whole, strict=True))
    )


__all__ = ["Library", "Trial", "Unproven", "complete", "proven", "trials"]
