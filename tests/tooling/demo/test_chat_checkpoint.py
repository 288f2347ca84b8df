"""The chat checkpoint, built with a recipe too small to say anything."""

import itertools
import json
import random
from pathlib import Path
from typing import Any

import pytest

from tooling import cache
from tooling.demo.chat import checkpoint, dialogues, vocabulary
from tooling.demo.chat.recipe import Recipe
from tooling.demo.chat.rows import RowMaker, skip_positions
from tooling.demo.files import read_all
from tooling.setup.errors import MachineError

TINY = Recipe(
    vocabulary=512, hidden=128, intermediate=128, layers=1, heads=2, kv_heads=2, steps=2, rows=2, row_tokens=256,
    long_every=2, long_rows=1, long_row_tokens=128,
)  # fmt: skip
TALK = [
    {"role": "system", "content": "You are Anna — “friendly”."},
    {"role": "user", "content": "hi"},
    {"role": "assistant", "content": "Hello"},
    {"role": "user", "content": "naïve 🙂"},
]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint.ensure(tmp_path_factory.mktemp("home"), lambda line: None, TINY)


@pytest.fixture(scope="module")
def tokenizer(built: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(built)


def test_the_checkpoint_is_complete_and_says_what_it_is(built: Path) -> None:
    assert cache.is_complete(built)
    card = (built / "README.md").read_text()
    assert "toy" in card
    assert "mean nothing" in card
    assert "toy" in checkpoint.NOTICE


def test_the_same_recipe_gives_the_same_files(built: Path, tmp_path: Path) -> None:
    again = checkpoint.ensure(tmp_path, lambda line: None, TINY)
    assert again.name == built.name
    for name in ("model.safetensors", "tokenizer.json", "config.json"):
        assert (again / name).read_bytes() == (built / name).read_bytes(), name


def test_transformers_loads_the_checkpoint_and_its_turns_end_by_a_token_of_their_own(built: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(built)
    assert type(model).__name__ == "LlamaForCausalLM"
    assert model.dtype == torch.bfloat16
    assert model.config.max_position_embeddings == 8192
    assert model.generation_config.eos_token_id == [2, 0]


def test_the_template_renders_chatml_and_ends_where_the_reply_begins(tokenizer: Any) -> None:
    text = tokenizer.apply_chat_template(TALK, tokenize=False, add_generation_prompt=True)
    assert text == (
        "<|im_start|>system\nYou are Anna — “friendly”.<|im_end|>\n<|im_start|>user\nhi<|im_end|>\n"
        "<|im_start|>assistant\nHello<|im_end|>\n<|im_start|>user\nnaïve 🙂<|im_end|>\n<|im_start|>assistant\n"
    )


def test_the_tokenizer_keeps_every_character_and_adds_nothing(tokenizer: Any) -> None:
    text = "naïve 🙂  Zürich\n\t— “so”"
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert (tokenizer.eos_token, tokenizer.eos_token_id, tokenizer.bos_token) == ("<|im_end|>", 2, None)


def test_the_prompt_of_a_turn_begins_with_that_of_the_turn_before(tokenizer: Any) -> None:
    def ids(messages: list[dict[str, str]]) -> list[int]:
        text = tokenizer.apply_chat_template(messages, tokenize=False)
        return list(tokenizer.encode(text, add_special_tokens=False))

    before, after = ids(TALK[:2]), ids(TALK)
    assert after[: len(before)] == before


def test_all_widths_are_multiples_of_128() -> None:
    recipe = Recipe()
    head = recipe.hidden // recipe.heads
    widths = (recipe.vocabulary, recipe.hidden, recipe.intermediate, recipe.kv_heads * head)
    assert [width % 128 for width in widths] == [0, 0, 0, 0]
    assert recipe.positions >= 8192


def test_the_key_depends_on_numbers_and_on_texts() -> None:
    texts = read_all("chat")
    keys = {
        checkpoint.entry(Recipe(), texts).key,
        checkpoint.entry(Recipe(seed=1), texts).key,
        checkpoint.entry(Recipe(), texts | {"jokes.txt": ""}).key,
    }
    assert len(keys) == 3


def test_a_row_learns_replies_with_their_end_token_and_nothing_else() -> None:
    texts = read_all("chat")
    corpus = dialogues.load(texts)
    tokenizer = vocabulary.train(corpus, texts, TINY)
    row = RowMaker(corpus, tokenizer, TINY).rows(random.Random(3), long=False)[0]
    assert len(row.ids) == len(row.learn) == len(row.positions) == TINY.row_tokens
    user = tokenizer.encode("<|im_start|>user\n").ids
    starts = [index for index in range(len(row.ids)) if list(row.ids[index : index + len(user)]) == user]
    assert starts
    assert not any(row.learn[index + len(user)] for index in starts if index + len(user) < len(row.learn))


@pytest.mark.parametrize("seed", range(20))
def test_skipped_positions_rise_and_stay_inside_the_context(seed: int) -> None:
    recipe = Recipe()
    positions = skip_positions([0, 10, 90], 256, recipe, random.Random(seed))
    assert all(after > before for before, after in itertools.pairwise(positions))
    assert positions[0] >= 0
    assert positions[-1] < recipe.positions


def test_the_configuration_is_plain_json_with_the_stop_ids(built: Path) -> None:
    generation = json.loads((built / "generation_config.json").read_text())
    config = json.loads((built / "config.json").read_text())
    assert generation["eos_token_id"] == [2, 0]
    assert config["rope_theta"] == Recipe().rope_theta


def test_a_disk_without_room_is_refused_before_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "SPACE_BYTES", 1 << 60)
    with pytest.raises(MachineError, match="free some space first"):
        checkpoint.ensure(tmp_path, lambda line: None, TINY)
    assert not list(tmp_path.glob("models/*"))
