"""Exports for vLLM: which one is made of a model (`export`), the job that says so, and the command that makes it.

What quantises lives in `worker`, a program of the environment `.venvs/quant`, which has llmcompressor and little else.
So nothing is imported here: `job` and `texts`, which both sides read, need attrs and the standard library alone.
"""

__all__: list[str] = []
