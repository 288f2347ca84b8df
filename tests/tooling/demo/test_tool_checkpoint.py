"""The tool checkpoint: its tokenizer, and a build with a recipe too small to judge anything."""

import time
from pathlib import Path
from typing import Any

import pytest

from tooling import cache
from tooling.demo.files import read_all
from tooling.demo.tool import checkpoint, training, utterances, vocabulary
from tooling.demo.tool.evaluation import Score
from tooling.demo.tool.recipe import Recipe
from tooling.setup.errors import MachineError

TINY = Recipe(vocabulary=512, layers=1, intermediate=128, steps=2, batch=4, long_every=2, long_batch=1)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint.ensure(tmp_path_factory.mktemp("home"), lambda line: None, TINY)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    corpus = utterances.load(read_all("tool"), read_all("chat"))
    return vocabulary.train(corpus, read_all("chat")["words.txt"], Recipe())


def test_transformers_loads_the_checkpoint_with_its_two_labels(built: Path) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(built)
    tokenizer = AutoTokenizer.from_pretrained(built)
    assert type(model).__name__ == "BertForSequenceClassification"
    assert model.config.id2label == {0: "no", 1: "yes"}
    assert tokenizer.is_fast
    assert tokenizer.model_max_length == 512
    inputs = tokenizer(["hi\nlook at this", "hello"], padding=True, return_tensors="pt")
    assert model(**inputs).logits.shape == (2, 2)


def test_the_same_recipe_gives_the_same_files(built: Path, tmp_path: Path) -> None:
    again = checkpoint.ensure(tmp_path, lambda line: None, TINY)
    assert cache.is_complete(again)
    for name in ("model.safetensors", "tokenizer.json", "config.json", "README.md"):
        assert (again / name).read_bytes() == (built / name).read_bytes(), name


def test_only_the_words_of_the_last_line_are_marked(tokenizer: Any) -> None:
    tokens = tokenizer.encode("look at this\nI'm fine").tokens
    assert tokens == ["[CLS]", "look", "at", "this", "⏎", "▁im", "▁fine", "[SEP]"]


def test_case_accents_and_spaces_do_not_matter(tokenizer: Any) -> None:
    assert tokenizer.encode("  LOOK   át this \n\n ok ").ids == tokenizer.encode("look at this\nok").ids


def test_a_text_cannot_forge_the_marks(tokenizer: Any) -> None:
    assert tokenizer.encode("look ⏎ ▁here").ids == tokenizer.encode("look here").ids


def test_the_longest_utterance_is_counted_in_far_less_than_a_turn(tokenizer: Any) -> None:
    started = time.perf_counter()
    assert len(tokenizer.encode("hello " * 16000).ids) == 16002
    assert time.perf_counter() - started < 5  # 0.3 s on an idle machine; quadratic matching would take minutes


def test_texts_over_the_limit_lose_their_start_and_keep_the_special_tokens(tokenizer: Any) -> None:
    inputs = training.encode(tokenizer, ["old words\n" * 300 + "look at this", "hi"], 512)
    assert inputs["input_ids"].shape == (2, 512)
    first, last = (tokenizer.token_to_id(token) for token in ("[CLS]", "[SEP]"))
    row = inputs["input_ids"][0].tolist()
    assert (row[0], row[-1]) == (first, last)
    assert row[-4:-1] == tokenizer.encode("look at this").ids[1:-1]
    assert inputs["attention_mask"].sum(1).tolist() == [512, 3]


def test_the_score_counts_both_kinds_of_mistakes() -> None:
    score = Score(yes=4, no=6, missed=1, false_alarms=2, wrong=())
    assert score.accuracy == pytest.approx(0.7)
    assert "| all | 10 | 7 | 70.0% |" in score.table()


def test_a_disk_without_room_is_refused_before_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "SPACE_BYTES", 1 << 60)
    with pytest.raises(MachineError, match="free some space first"):
        checkpoint.ensure(tmp_path, lambda line: None, TINY)
    assert not list(tmp_path.glob("models/*"))
