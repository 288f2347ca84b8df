"""Stand-in: the PyTorch backend's `LLM` and the argument classes."""

from typing import Any

from tensorrt_llm import _contract
from tensorrt_llm._base import BaseLLM
from tensorrt_llm.executor import RequestError
from tensorrt_llm.sampling_params import SamplingParams

_ENGINE_ONLY = ("build_config", "quant_config", "calib_config", "workspace", "batching_type")


class KvCacheConfig:
    """Stand-in: takes the contract's fields, nothing else."""

    __signature__ = _contract.signature("tensorrt_llm.llmapi.KvCacheConfig")

    def __init__(self, **values: Any) -> None:
        _contract.check("tensorrt_llm.llmapi.KvCacheConfig", values, ValueError)
        self.enable_block_reuse = values.get("enable_block_reuse", True)
        self.free_gpu_memory_fraction = values.get("free_gpu_memory_fraction", 0.9)
        self.dtype = values.get("dtype", "auto")


class LLM(BaseLLM):  # type: ignore[misc] # the type checker does not follow tensorrt_llm
    """Stand-in for the PyTorch backend. Its default sampler ignores penalties and seeds, as the real one does."""

    counts_cached = True

    def _check(self, values: dict[str, Any]) -> None:
        wrong = [name for name in _ENGINE_ONLY if name in values]
        if wrong:
            raise ValueError(f"{wrong} belong to tensorrt_llm._tensorrt_engine.LLM")
        _contract.check("tensorrt_llm.llmapi.llm_args.TorchLlmArgs", values, ValueError)


__all__ = ["LLM", "KvCacheConfig", "RequestError", "SamplingParams"]
