"""From a GGUF file to a checkpoint, with a file whose weights are known."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tooling.demo import synthetic_gguf as synthetic
from tooling.demo.smollm2.conversion import convert
from tooling.demo.smollm2.gguf_file import in_halves

TALK = [{"role": "system", "content": "hello"}, {"role": "user", "content": "hell 12"}]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, synthetic.Array]]:
    folder = tmp_path_factory.mktemp("made")
    file = tmp_path_factory.mktemp("file") / "small.gguf"
    expected = synthetic.write(file)
    convert(file, folder, lambda line: None)
    return folder, expected


@pytest.fixture(scope="module")
def tokenizer(made: tuple[Path, dict[str, synthetic.Array]]) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(made[0])


def test_every_weight_is_the_one_that_was_stored_under_its_name_in_a_checkpoint(
    made: tuple[Path, dict[str, synthetic.Array]],
) -> None:
    import torch
    from safetensors.torch import load_file

    folder, expected = made
    found = load_file(folder / "model.safetensors")
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert torch.equal(found[name], torch.from_numpy(values.copy()).to(torch.bfloat16)), name


@pytest.mark.parametrize("heads", [1, 2, 9])
def test_the_order_of_rows_that_llama_cpp_made_is_undone(heads: int) -> None:
    weights = np.random.default_rng(1).standard_normal((heads * 16, 8), dtype=np.float32)
    stored = synthetic.as_llama_cpp_keeps_it(weights, heads)
    assert not np.array_equal(stored, weights)
    assert np.array_equal(in_halves(stored, heads), weights)


def test_turning_neighbours_in_the_file_is_turning_halves_in_the_checkpoint() -> None:
    numbers = np.random.default_rng(2)
    query, key, before = (numbers.standard_normal(shape, dtype=np.float32) for shape in ((16, 8), (16, 8), (8,)))
    angles = 5 * 100.0 ** -(np.arange(8) / 8)
    cosine, sine = np.cos(angles), np.sin(angles)

    def neighbours(vector: Any) -> Any:
        even, odd = vector[0::2], vector[1::2]
        return np.stack([even * cosine - odd * sine, even * sine + odd * cosine], axis=1).ravel()

    def halves(vector: Any) -> Any:
        low, high = vector[:8], vector[8:]
        return np.concatenate([low * cosine - high * sine, low * sine + high * cosine])

    theirs = neighbours(query @ before) @ (key @ before)
    ours = halves(in_halves(query, 1) @ before) @ (in_halves(key, 1) @ before)
    assert ours == pytest.approx(theirs, rel=1e-4)


def test_transformers_loads_the_checkpoint_with_tied_embeddings_and_the_files_numbers(
    made: tuple[Path, dict[str, synthetic.Array]],
) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(made[0])
    assert type(model).__name__ == "LlamaForCausalLM"
    assert model.dtype == torch.bfloat16
    assert model.lm_head.weight.data_ptr() == model.model.embed_tokens.weight.data_ptr()
    assert model.config.rope_parameters["rope_theta"] == synthetic.ROPE_THETA
    assert (model.config.num_key_value_heads, model.config.head_dim) == (synthetic.KV_HEADS, synthetic.HEAD)
    assert (model.config.max_position_embeddings, model.config.rms_norm_eps) == (synthetic.CONTEXT, 1e-5)
    assert model.generation_config.eos_token_id == [2, 0]


def test_a_head_of_its_own_is_kept_and_the_embeddings_are_not_tied(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    expected = synthetic.write(tmp_path / "untied.gguf", tied=False)
    convert(tmp_path / "untied.gguf", tmp_path, lambda line: None)
    assert json.loads((tmp_path / "config.json").read_text())["tie_word_embeddings"] is False
    assert load_file(tmp_path / "model.safetensors").keys() == expected.keys()


def test_the_tokenizer_merges_as_the_file_says_and_takes_digits_one_by_one(tokenizer: Any) -> None:
    assert tokenizer.tokenize("hello world 12") == ["hello", "Ġw", "o", "r", "l", "d", "Ġ", "1", "2"]
    assert len(tokenizer) == len(synthetic.vocabulary())


@pytest.mark.parametrize("text", ["naïve 🙂  Zürich\n\t— “so”", " ", "\n\nx = 007;", "<|im_end|>hello"])
def test_every_text_comes_back_from_the_tokenizer_as_it_was(tokenizer: Any, text: str) -> None:
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids, skip_special_tokens=False) == text


def test_control_tokens_are_single_special_ids_and_nothing_is_put_before_a_text(tokenizer: Any) -> None:
    assert tokenizer.encode("<|im_start|>") == [1]
    assert set(tokenizer.all_special_tokens) == set(synthetic.SPECIAL)
    assert (tokenizer.bos_token, tokenizer.eos_token, tokenizer.unk_token) == (
        "<|im_start|>", "<|im_end|>", "<|endoftext|>",
    )  # fmt: skip


def test_the_template_of_the_file_is_the_checkpoints(tokenizer: Any) -> None:
    text = tokenizer.apply_chat_template(TALK, tokenize=False, add_generation_prompt=True)
    assert text == ("<|im_start|>system\nhello<|im_end|>\n<|im_start|>user\nhell 12<|im_end|>\n<|im_start|>assistant\n")


@pytest.mark.parametrize("other", [{"architecture": "qwen2"}, {"split": "llama-bpe"}])
def test_a_file_of_another_kind_is_refused_rather_than_converted_wrongly(tmp_path: Path, other: dict[str, str]) -> None:
    synthetic.write(tmp_path / "other.gguf", **other)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"other\.gguf"):
        convert(tmp_path / "other.gguf", tmp_path, lambda line: None)
