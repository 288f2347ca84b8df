"""A stand-in for TensorRT-LLM 1.2, for tests only: no GPU, no model, no NVIDIA code.

It takes the names of the contract and nothing else, and it has the library's bad habits: results that change under
the reader's hands, streams that wait for ever when their worker is killed, iterators whose loss stops nothing, a
shutdown without bound, a submission that blocks. What passes here has not been run on TensorRT-LLM.
"""

from tensorrt_llm.llmapi import LLM, SamplingParams

__version__ = "1.2.1"

__all__ = ["LLM", "SamplingParams", "__version__"]
