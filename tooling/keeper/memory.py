"""Which of a server's lines say that a GPU's memory did not suffice, and what is then to be done."""

import re

# What ends a start, as PyTorch, cuBLAS, TensorRT-LLM and vLLM say it.
CAUSE = re.compile(
    rb"OutOfMemoryError|CUDA out of memory|(?:rror|RROR)[^\r\n]{0,300}out of memory|CUBLAS_STATUS_ALLOC_FAILED"
    rb"|No available memory for the cache|is less than desired GPU memory utilization"
)
# Words that other lines have as well: they count where they stand near the end.
HINT = re.compile(r"out of memory")
# vLLM's words where the weights leave nothing of the share that it may take.
NO_ROOM_FOR_CACHE = "No available memory for the cache"
LONGEST = 400
"""Characters of a line that are shown."""


def cause_in(data: bytes) -> str | None:
    """The first line that says it, cut; None where there is none."""
    found = CAUSE.search(data)
    if found is None:
        return None
    begin, end = data.rfind(b"\n", 0, found.start()) + 1, data.find(b"\n", found.end())
    return data[begin : end if end >= 0 else None].decode("utf-8", "replace").strip()[:LONGEST]


def remedy(line: str) -> str:
    """What to do about it."""
    if NO_ROOM_FOR_CACHE in line:
        return "Raise CHAT_GPU_FRAC (beside the weights it holds the KV cache), or serve a smaller model, or 4bit"
    return "Lower a fraction, or CHAT_MAX_LEN"


__all__ = ["HINT", "LONGEST", "cause_in", "remedy"]
