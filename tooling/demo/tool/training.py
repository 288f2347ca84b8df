"""Trains the demo tool model: a small BERT with two labels, AdamW, one straight fall of the learning rate."""

import random
from collections.abc import Sequence
from typing import Any

from tooling.demo.progress import Report, steps
from tooling.demo.tool.recipe import LABELS, Recipe
from tooling.demo.tool.utterances import Example, Utterances

THREADS = 2
_PAD_ID, _HIDDEN_ID, _SPECIAL_IDS = 0, 4, 5


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
    import torch  # noqa: PLC0415
    from transformers import BertConfig, BertForSequenceClassification  # noqa: PLC0415

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
    import torch  # noqa: PLC0415

    rng = random.Random(recipe.seed)  # noqa: S311 - repeatable, not secret
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.rate, weight_decay=recipe.weight_decay)
    for step in steps(recipe.steps, "demo tool model", report):
        for group in optimizer.param_groups:
            group["lr"] = recipe.rate * schedule(step, recipe)
        examples = _draw(utterances, recipe, rng, long=step % recipe.long_every == recipe.long_every - 1)
        inputs = _forget(encode(tokenizer, [example.text for example in examples], recipe.positions), recipe)
        labels = torch.tensor([example.label for example in examples])
        loss = torch.nn.functional.cross_entropy(model(**inputs).logits, labels, label_smoothing=recipe.smoothing)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()


def _draw(utterances: Utterances, recipe: Recipe, rng: random.Random, *, long: bool) -> list[Example]:
    if long:
        return [utterances.example(rng, lines=rng.randint(15, 70)) for _ in range(recipe.long_batch)]
    return [utterances.example(rng) for _ in range(recipe.batch)]


def encode(tokenizer: Any, texts: Sequence[str], limit: int) -> dict[str, Any]:
    """Return padded `input_ids` and `attention_mask` of shape (texts, longest). Too long texts lose their start."""
    import torch  # noqa: PLC0415

    rows = [tokenizer.encode(text).ids for text in texts]
    rows = [row if len(row) <= limit else row[:1] + row[1 - limit :] for row in rows]
    width = max(len(row) for row in rows)
    ids = torch.tensor([row + [_PAD_ID] * (width - len(row)) for row in rows])
    return {"input_ids": ids, "attention_mask": (ids != _PAD_ID).long()}


def _forget(inputs: dict[str, Any], recipe: Recipe) -> dict[str, Any]:
    """Hide some words, never the special ones."""
    import torch  # noqa: PLC0415

    ids = inputs["input_ids"]
    chosen = (torch.rand(ids.shape) < recipe.forgotten) & (ids >= _SPECIAL_IDS)
    return inputs | {"input_ids": ids.masked_fill(chosen, _HIDDEN_ID)}


def schedule(step: int, recipe: Recipe) -> float:
    """Return the factor of the learning rate: a short rise, then a straight fall to nearly zero."""
    return max(0.02, min((step + 1) / recipe.warmup_steps, 1 - step / recipe.steps))


__all__ = ["encode", "model_config", "schedule", "train"]
