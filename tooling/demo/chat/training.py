"""Trains the demo chat model: a small Llama, Muon for its matrices, AdamW for the rest."""

import random
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from tooling.demo.chat.recipe import Recipe
from tooling.demo.chat.rows import Row, RowMaker
from tooling.demo.progress import Report, steps

THREADS = 2


def model_config(recipe: Recipe) -> dict[str, object]:
    """Return the content of `config.json`, in the words that transformers 4 and 5 both read."""
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": recipe.vocabulary,
        "hidden_size": recipe.hidden,
        "intermediate_size": recipe.intermediate,
        "num_hidden_layers": recipe.layers,
        "num_attention_heads": recipe.heads,
        "num_key_value_heads": recipe.kv_heads,
        "head_dim": recipe.hidden // recipe.heads,
        "max_position_embeddings": recipe.positions,
        "rope_theta": recipe.rope_theta,
        "rms_norm_eps": 1e-5,
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": False,
        "initializer_range": 0.02,
        "use_cache": True,
        "bos_token_id": None,
        "pad_token_id": 0,
        "eos_token_id": 2,
        "torch_dtype": "bfloat16",
    }


def train(maker: RowMaker, report: Report) -> Any:
    """Return a trained `LlamaForCausalLM` in float32 on the CPU. Seeded: one machine gives one result."""
    recipe = maker.recipe
    threads = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    torch.manual_seed(recipe.seed)
    try:
        config = model_config(recipe) | {"torch_dtype": "float32"}
        model = LlamaForCausalLM(LlamaConfig(**config))
        _prepare(model)
        _fit(model, maker, report)
    finally:
        torch.set_num_threads(threads)
    return model.eval()


def _fit(model: Any, maker: RowMaker, report: Report) -> None:
    recipe = maker.recipe
    rng = random.Random(recipe.seed)  # noqa: S311 - repeatable, not secret
    optimizers = _optimizers(model, recipe)
    losses: list[float] = []
    for step in steps(recipe.steps, "demo chat model", report):
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * schedule(step, recipe)
        loss = _loss(model, maker.rows(rng, long=step % recipe.long_every == recipe.long_every - 1))
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        losses.append(loss.item())
    last = losses[-10:]
    report(f"demo chat model: mean loss of the last {len(last)} steps {sum(last) / len(last):.3f}")


def _loss(model: Any, rows: list[Row]) -> Any:
    """Return the mean cross-entropy of the tokens to be learnt; only they go through the output layer."""
    ids = torch.tensor([row.ids for row in rows])
    positions = torch.tensor([row.positions for row in rows])
    wanted = torch.tensor([row.learn for row in rows])[:, 1:]
    mask = torch.ones_like(ids)  # given, so that leaping positions are not taken for packed rows
    hidden = model.model(ids, position_ids=positions, attention_mask=mask, use_cache=False).last_hidden_state
    scores = model.lm_head(hidden[:, :-1][wanted])
    return torch.nn.functional.cross_entropy(scores, ids[:, 1:][wanted])


def _prepare(model: Any) -> None:
    """Set the initial weights: wide embeddings, and branches and scores that start at zero.

    With only a few hundred steps this start is worth more than any other setting: the residual stream begins as the
    words themselves, and nothing has to be unlearnt.
    """
    with torch.no_grad():
        model.model.embed_tokens.weight.normal_(0.0, 1.0)
        model.lm_head.weight.zero_()
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()


def _optimizers(model: Any, recipe: Recipe) -> list[Any]:
    outer = (model.model.embed_tokens.weight, model.lm_head.weight)
    inner = [value for value in model.parameters() if not any(value is other for other in outer)]
    groups = [
        {"params": [outer[0]], "lr": recipe.embedding_rate},
        {"params": [outer[1]], "lr": recipe.output_rate},
        {"params": [value for value in inner if value.ndim == 1], "lr": recipe.vector_rate},
    ]
    made = [
        torch.optim.Muon([value for value in inner if value.ndim == 2], lr=recipe.matrix_rate, weight_decay=0.0),
        torch.optim.AdamW(groups, betas=(0.9, recipe.second_moment), weight_decay=0.0),
    ]
    for optimizer in made:
        for group in optimizer.param_groups:
            group["initial_lr"] = group["lr"]
    return made


def schedule(step: int, recipe: Recipe) -> float:
    """Return the factor of the learning rates: a short rise, a short plateau, then a straight fall to nearly zero."""
    rise = (step + 1) / recipe.warmup_steps
    fall = (recipe.steps - step) / (0.9 * recipe.steps)
    return max(0.02, min(1.0, rise, fall))


__all__ = ["model_config", "schedule", "train"]
