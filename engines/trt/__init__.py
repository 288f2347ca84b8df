"""The TensorRT-LLM adapter: `TrtEngine` is opened with a `TrtConfig`; the library is not imported before that."""

from engines.trt.adapter import TrtEngine
from engines.trt.config import TrtConfig
from engines.trt.environment import apply_library_env
from engines.trt.unhonoured import Unhonoured

__all__ = ["TrtConfig", "TrtEngine", "Unhonoured", "apply_library_env"]
