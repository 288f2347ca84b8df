"""The shapes for dummy weights."""

import json
import random
from pathlib import Path

from tokenizers import Tokenizer

from tooling.benchmarks.serving import shape


def test_noise_reads_like_words_and_is_read_with_as_many_tokens_as_it_was_written(tmp_path: Path) -> None:
    shape.write("tiny", tmp_path)
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert tokenizer.get_vocab_size() == config["vocab_size"]
    chance = random.Random(0)
    ids = [chance.randrange(300, config["vocab_size"]) for _ in range(1000)]
    text = tokenizer.decode(ids)
    assert len(tokenizer.encode(text).ids) < 1.2 * len(ids)
    assert 2 <= len(text) / len(ids) <= 8


def test_the_same_shape_is_the_same_files(tmp_path: Path) -> None:
    for name in ("one", "other"):
        shape.write("tiny", tmp_path / name)
    assert (tmp_path / "one" / "tokenizer.json").read_bytes() == (tmp_path / "other" / "tokenizer.json").read_bytes()
