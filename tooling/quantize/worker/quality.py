"""How well a model speaks: its perplexity on the held-out passages, and whether it says anything at all."""

import math
from typing import Any

import torch

from tooling.quantize.worker.passages import PASSAGES

TOKENS = 16
MOST_TOKENS = 512
LARGEST = 700.0
"""e to the power of more is no number any more."""
ASKED = "Hello, how are you today?"


def device() -> torch.device:
    """Where texts go in: models that are spread over several devices, or visit one, begin there."""
    return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")


def perplexity(model: Any, tokenizer: Any) -> float:
    """e to the mean of the surprise (nats) over all tokens of the passages but the first of each; may be infinite."""
    surprise, count = 0.0, 0
    for passage in PASSAGES:
        ids = tokenizer(passage, return_tensors="pt")["input_ids"][:, :MOST_TOKENS].to(device())
        with torch.no_grad():
            logits = model(input_ids=ids, use_cache=False).logits[0, :-1].float()
        losses = torch.nn.functional.cross_entropy(logits, ids[0, 1:].to(logits.device), reduction="sum")
        surprise += float(losses)
        count += ids.shape[1] - 1
    mean = surprise / max(1, count)
    return math.exp(mean) if mean < LARGEST else math.inf if mean >= LARGEST else math.nan


def says(model: Any, tokenizer: Any) -> str:
    """What it answers a greeting with, greedily, at most 16 tokens."""
    if tokenizer.chat_template:
        inputs = tokenizer.apply_chat_template(
            [{"role": "user", "content": ASKED}], add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
    else:
        inputs = tokenizer(ASKED, return_tensors="pt")
    inputs = {name: inputs[name].to(device()) for name in ("input_ids", "attention_mask")}
    # Its own generation config may sample, and settings of sampling mean nothing to a greedy search.
    told = model.generate(
        **inputs,
        max_new_tokens=TOKENS,
        do_sample=False,
        temperature=None,
        top_p=None,
        top_k=None,
        pad_token_id=_pad(tokenizer),
    )
    return str(tokenizer.decode(told[0][inputs["input_ids"].shape[1] :], skip_special_tokens=True))


def _pad(tokenizer: Any) -> int | None:
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    return int(pad) if pad is not None else None


__all__ = ["ASKED", "TOKENS", "device", "perplexity", "says"]
