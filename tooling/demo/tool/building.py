"""Builds the demo tool checkpoint: weights, configuration, tokenizer, card with the held-out score. Loads torch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from tooling.demo.files import write_json
from tooling.demo.progress import Report
from tooling.demo.tool import evaluation, training, utterances, vocabulary
from tooling.demo.tool.recipe import THRESHOLD, Recipe


def build(
    directory: Path, recipe: Recipe, texts: Mapping[str, str], chat_texts: Mapping[str, str], report: Report
) -> None:
    """Make every file of the checkpoint in an existing directory."""
    corpus = utterances.load(texts, chat_texts)
    tokenizer = vocabulary.train(corpus, chat_texts["words.txt"], recipe)
    model = training.train(corpus, tokenizer, recipe, report)
    score = evaluation.evaluate(model, tokenizer, utterances.labelled(texts["heldout.txt"]), recipe.positions)
    report(f"demo tool model at threshold {THRESHOLD}\n{score.table()}")
    tokenizer.save(str(directory / "tokenizer.json"))
    write_json(directory / "tokenizer_config.json", vocabulary.tokenizer_config(recipe))
    write_json(directory / "config.json", training.model_config(recipe) | {"vocab_size": model.config.vocab_size})
    write_json(directory / "heldout.json", {"threshold": THRESHOLD, "accuracy": score.accuracy})
    (directory / "README.md").write_text(_card(recipe, model, score), encoding="utf-8")
    _save_weights(model, directory / "model.safetensors")


def _save_weights(model: Any, path: Path) -> None:
    state = {name: value.detach().contiguous() for name, value in model.named_parameters()}
    save_file(state, str(path), metadata={"format": "pt"})


def _card(recipe: Recipe, model: Any, score: evaluation.Score) -> str:
    million = sum(value.numel() for value in model.parameters()) / 1e6
    return f"""---
license: apache-2.0
language: en
pipeline_tag: text-classification
tags: [demo, toy]
---
# Demo tool model

A toy, made on this machine by `python -m tooling.demo tool` in about a minute. It tells whether the last line of a
conversation asks to look at the user's screen (`yes`) or not (`no`). It knows the phrases it was trained on and
those of the same kinds; **do not use it for real users**.

| | |
| --- | --- |
| architecture | BERT, {recipe.layers} layer of {recipe.hidden}, {million:.1f} million parameters, float32 |
| input | the user's texts, joined by newlines, the current one last; {recipe.positions} tokens |
| tokenizer | lower-case words; those of the last line are marked and have their own embeddings |
| training | {recipe.steps} steps of {recipe.batch} drawn conversations, seed {recipe.seed}, on two CPU threads |
| data | templates and lines written for it by this project; no other text, no other model |

Decided at a probability of {THRESHOLD} for yes, on utterances it never saw, written by hand:

{score.table()}
"""


__all__ = ["build"]
