"""Stand-in: `SamplingParams` with the contract's fields, ranges and habits."""

from typing import Any

from tensorrt_llm import _contract

_MEMBER = "tensorrt_llm.SamplingParams"


class SamplingParams:
    """Stand-in: keyword only, unknown names are a TypeError, `_setup` writes into the object once."""

    __signature__ = _contract.signature(_MEMBER)

    def __init__(self, **values: Any) -> None:
        _contract.check(_MEMBER, values, TypeError)
        if not 0 <= values.get("top_p", 1.0) <= 1 or values.get("top_p") == 0:
            raise ValueError("require 0 < top_p <= 1")
        if values.get("top_k") is not None and values["top_k"] < 0:
            raise ValueError("require top_k >= 0")
        if values.get("temperature", 1.0) < 0:
            raise ValueError("require temperature >= 0")
        self.values = values
        self.was_set_up = False

    def _setup(self, tokenizer: Any) -> None:
        if self.was_set_up:
            raise RuntimeError("one SamplingParams serves one request: this one was set up before")
        self.was_set_up = True
        if self.values.get("end_id") is not None:
            if self.values.get("stop") or self.values.get("bad"):
                raise RuntimeError("stop and bad are not processed by the tokenizer when end_id is given")
            return
        self.values["end_id"] = tokenizer.eos_token_id
        self.values["bad_words"] = [[token] for token in self.values.get("bad_token_ids") or ()] + [
            tokenizer.encode(text) for text in self.values.get("bad") or ()
        ]


__all__ = ["SamplingParams"]
