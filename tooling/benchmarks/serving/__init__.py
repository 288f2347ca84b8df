"""This server beside the bare engine and `vllm serve`: the same conversations, one after the other, in one run."""
