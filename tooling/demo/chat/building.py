"""Builds the demo chat checkpoint: weights, configuration, tokenizer, template, card. Loads torch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from tooling.demo.chat import dialogues, training, vocabulary
from tooling.demo.chat.recipe import TEMPLATE, Recipe
from tooling.demo.chat.rows import RowMaker
from tooling.demo.files import write_json
from tooling.demo.progress import Report


def build(directory: Path, recipe: Recipe, texts: Mapping[str, str], report: Report) -> None:
    """Make every file of the checkpoint in an existing directory."""
    corpus = dialogues.load(texts)
    tokenizer = vocabulary.train(corpus, texts, recipe)
    model = training.train(RowMaker(corpus, tokenizer, recipe), report)
    tokenizer.save(str(directory / "tokenizer.json"))
    write_json(directory / "tokenizer_config.json", vocabulary.tokenizer_config(recipe))
    write_json(directory / "config.json", training.model_config(recipe))
    write_json(directory / "generation_config.json", generation_config())
    (directory / "chat_template.jinja").write_text(TEMPLATE, encoding="utf-8")
    (directory / "README.md").write_text(_card(recipe, model), encoding="utf-8")
    _save_weights(model, directory / "model.safetensors")


def generation_config() -> dict[str, object]:
    """Return the content of `generation_config.json`: the end of a turn and of a text both end a reply."""
    return {
        "eos_token_id": [2, 0],
        "pad_token_id": 0,
        "do_sample": True,
        "temperature": 0.8,
        "top_p": 0.95,
        "top_k": 30,
    }


def _save_weights(model: Any, path: Path) -> None:
    """Save in bfloat16, which every engine takes as it is."""
    state = {name: value.detach().to(torch.bfloat16).contiguous() for name, value in model.named_parameters()}
    save_file(state, str(path), metadata={"format": "pt"})


def _card(recipe: Recipe, model: Any) -> str:
    million = sum(value.numel() for value in model.parameters()) / 1e6
    return f"""---
license: apache-2.0
language: en
pipeline_tag: text-generation
tags: [demo, toy]
---
# Demo chat model

A toy, made on this machine by `python -m tooling.demo chat` in a minute or two. It shows that every pipe of a text
inference server works. **Its words mean nothing beyond the script it was trained on**: small talk, a few jokes,
stories put together from parts, and simple facts that were told earlier in a conversation.

| | |
| --- | --- |
| architecture | Llama, {recipe.layers} layers of {recipe.hidden}, {million:.1f} million parameters, bfloat16 |
| context | {recipe.positions} positions (rope) |
| tokenizer | byte-level BPE, {recipe.vocabulary} tokens, trained on the same script |
| template | ChatML; a turn ends with `<|im_end|>` |
| training | {recipe.steps} steps of {recipe.rows * recipe.row_tokens} tokens, seed {recipe.seed}, on two CPU threads |
| data | written for it by this project; no other text, no other model |

Do not use it for anything but trying the server. It knows no facts, gives no advice and follows no instruction that
its script does not contain.
"""


__all__ = ["build", "generation_config"]
