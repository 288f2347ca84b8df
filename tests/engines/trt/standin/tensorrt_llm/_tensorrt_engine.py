"""Stand-in: the engine backend's `LLM`, which 1.2 is the last to have."""

import json
from pathlib import Path
from typing import Any

from tensorrt_llm import _contract
from tensorrt_llm._base import BaseLLM


class LLM(BaseLLM):  # type: ignore[misc] # the type checker does not follow tensorrt_llm
    """Stand-in for the engine backend. It reads the engine's configuration again with each request."""

    counts_cached = False

    def _check(self, values: dict[str, Any]) -> None:
        _contract.check("tensorrt_llm.llmapi.llm_args.TrtLlmArgs", values, ValueError)
        if "max_seq_len" in values or values.get("tensor_parallel_size", 1) != 1:
            raise ValueError("an engine brings its own max_seq_len and tensor_parallel_size")
        assert values["kv_cache_config"].dtype == "auto", "KvCacheConfig.dtype must be auto on the engine backend"

    def _before_request(self) -> None:
        json.loads((Path(self.values["model"]) / "config.json").read_text())


__all__ = ["LLM"]
