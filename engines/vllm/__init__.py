"""The vLLM adapter: `VllmEngine` is opened with a `VllmConfig`; nothing of vLLM is imported before that."""

from engines.vllm.adapter import VllmEngine
from engines.vllm.config import VllmConfig
from engines.vllm.environment import apply_library_env

__all__ = ["VllmConfig", "VllmEngine", "apply_library_env"]
