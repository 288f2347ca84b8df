"""Trains the demo tool model: a small BERT with two labels, AdamW, one straight fall of the learning rate."""

import random
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from transformers import BertConfig, BertForSequenceClassification

from tooling.demo.progress import Report, steps
from tooling.demo.tool.recipe import LABELS, Recipe
from tooling.demo.tool.utterances import Example, Utterances

THREADS = 2
_PAD_ID, _UNKNOWN_ID, _SPECIAL_IDS = 0, 1, 5


def model_config(recipe: Recipe) -> dict[str, object]:
    """Return the content of `config.json`, in the words that transformers 4 and 5 both read."""
    return {
        "architectures": ["BertForSequenceClassification"],
        "model_type": "bert",
        "vocab_size": recipe.vocabulary,
        "hidden_size": recipe.hidden,
        "intermediate_size": recipe.intermediate,
        "num_hidden_layers": recipe.layers,
        "num_attention_heads": recipe.heads,
        "max_position_embeddings": recipe.positions,
        "type_vocab_size": 2,
        "hidden_act": "gelu",
        "hidden_dropout_prob": recipe.dropout,
        "attention_probs_dropout_prob": recipe.dropout,
        "layer_norm_eps": 1e-12,
        "initializer_range": 0.02,
        "pad_token_id": _PAD_ID,
        "id2label": {str(index): label for index, label in enumerate(LABELS)},
        "label2id": {label: index for index, label in enumerate(LABELS)},
        "problem_type": "single_label_classification",
        "torch_dtype": "float32",
    }


def train(utterances: Utterances, tokenizer: Any, recipe: Recipe, report: Report) -> Any:
    """Return a trained `BertForSequenceClassification` on the CPU. Seeded: one machine gives one result."""
    threads = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    torch.manual_seed(recipe.seed)
    try:
        model = BertForSequenceClassification(BertConfig(**model_config(recipe))).train()
        _fit(model, utterances, tokenizer, recipe, report)
    finally:
        torch.set_num_threads(threads)
    return model.eval()


def _fit(model: Any, utterances: Utterances, tokenizer: Any, recipe: Recipe, report: Report) -> None:
    rng = random.Random(recipe.seed)  # noqa: S311 - repeatable, not secret
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.rate, weight_decay=recipe.weight_decay)
    drawn = batches(utterances, recipe, rng)
    average = {name: torch.zeros_like(value) for name, value in model.named_parameters()}
    for step in steps(recipe.steps, "demo tool model", report):
        for group in optimizer.param_groups:
            group["lr"] = recipe.rate * schedule(step, recipe)
        examples = next(drawn)
        inputs = _forget(encode(tokenizer, [example.text for example in examples], recipe.positions), recipe)
        labels = torch.tensor([example.label for example in examples])
        loss = torch.nn.functional.cross_entropy(model(**inputs).logits, labels, label_smoothing=recipe.smoothing)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        _add(average, model, step - int(recipe.steps * (1 - recipe.averaged)))
    _take(model, average)


def _add(average: dict[str, Any], model: Any, count: int) -> None:
    """Take the weights into their mean, `count` of them being in it already; a negative count means not yet."""
    if count >= 0:
        for name, value in model.named_parameters():
            average[name] += (value.detach() - average[name]) / (count + 1)


def _take(model: Any, average: dict[str, Any]) -> None:
    with torch.no_grad():
        for name, value in model.named_parameters():
            value.copy_(average[name])


def batches(utterances: Utterances, recipe: Recipe, rng: random.Random) -> Iterator[list[Example]]:
    """Yield batches without end. Conversations of about the same length go together: less padding, less time."""
    while True:
        count = recipe.long_every - 1
        drawn = [utterances.example(rng) for _ in range(recipe.batch * count)]
        drawn.sort(key=lambda example: len(example.text))
        together = [drawn[at : at + recipe.batch] for at in range(0, len(drawn), recipe.batch)]
        together.append([utterances.example(rng, lines=rng.randint(15, 70)) for _ in range(recipe.long_batch)])
        rng.shuffle(together)
        yield from together


def encode(tokenizer: Any, texts: Sequence[str], limit: int) -> dict[str, Any]:
    """Return padded `input_ids` and `attention_mask` of shape (texts, longest). Too long texts lose their start."""
    rows = [tokenizer.encode(text).ids for text in texts]
    rows = [row if len(row) <= limit else row[:1] + row[1 - limit :] for row in rows]
    width = max(len(row) for row in rows)
    ids = torch.tensor([row + [_PAD_ID] * (width - len(row)) for row in rows])
    return {"input_ids": ids, "attention_mask": (ids != _PAD_ID).long()}


def _forget(inputs: dict[str, Any], recipe: Recipe) -> dict[str, Any]:
    """Hide some words and put any others in the place of some, never of the special ones."""
    ids = inputs["input_ids"]
    chance = torch.rand(ids.shape).masked_fill(ids < _SPECIAL_IDS, 1.0)
    ids = ids.masked_fill(chance < recipe.forgotten, _UNKNOWN_ID)
    replaced = (chance >= recipe.forgotten) & (chance < recipe.forgotten + recipe.swapped)
    return inputs | {"input_ids": torch.where(replaced, torch.randint_like(ids, _SPECIAL_IDS, recipe.vocabulary), ids)}


def schedule(step: int, recipe: Recipe) -> float:
    """Return the factor of the learning rate: a short rise, then a straight fall to nearly zero."""
    return max(0.02, min((step + 1) / recipe.warmup_steps, 1 - step / recipe.steps))


__all__ = ["encode", "model_config", "schedule", "train"]
