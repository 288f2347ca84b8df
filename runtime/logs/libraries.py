"""Libraries that log: they write no line of their own, and what is below WARNING is shown where it is asked for."""

import logging
import sys
from collections.abc import Iterable

from attrs import frozen

from runtime.settings import Settings

HUGGING_FACE = ("transformers", "huggingface_hub", "tokenizers", "safetensors", "hf_xet", "datasets", "accelerate")
"""And how they fetch: httpx, urllib3 and filelock tell of each request and each lock."""
FETCHING = ("httpx", "httpcore", "urllib3", "requests", "filelock", "fsspec")
TRT = ("TRT-LLM", "tensorrt_llm", "tensorrt", "modelopt", "mpi4py")
VLLM = ("vllm", "ray", "xgrammar", "flashinfer", "torch")
LLMCOMPRESSOR = ("llmcompressor", "compressed_tensors")
TOOL = ("transformers", "huggingface_hub", "tokenizers", "safetensors", "torch")
WARNINGS = "py.warnings"  # of Python's warnings; vLLM's set-up gives it a handler for the engine's processes
SPEAKERS = (
    "py.warnings",
    "transformers",
    "huggingface_hub",
    "datasets",
    "vllm",
    "TRT-LLM",
    "llmcompressor",
    "compressed_tensors",
)
"""Those that put a handler of their own on the terminal when they are imported, most of them without propagating."""


def shown(settings: Settings) -> frozenset[str]:
    """The loggers, with all below them, whose records below WARNING are wanted."""
    logs = settings.logs
    groups = (
        (logs.show_hf_logs, HUGGING_FACE + FETCHING),
        (logs.show_trt_logs, TRT),
        (logs.show_vllm_logs, VLLM),
        (logs.show_llmcompressor_logs, LLMCOMPRESSOR),
        (logs.show_tool_logs, TOOL),
    )
    return frozenset(name for wanted, names in groups if wanted for name in names)


def quieten(wanted: Iterable[str]) -> None:
    """Set the levels: INFO for the wanted, and for all others WARNING, which is the root's."""
    logging.getLogger().setLevel(logging.WARNING)
    for name in wanted:
        logging.getLogger(name).setLevel(logging.INFO)


def adopt_speakers() -> None:
    """Have all their records come to the root's handler, and to no terminal otherwise; before they are imported."""
    for name in (*SPEAKERS, WARNINGS):
        logger = logging.getLogger(name)
        logger.__class__ = Adopted
        for handler in [each for each in logger.handlers if _is_on_terminal(each)]:
            logger.removeHandler(handler)
        logger.propagate = True


class Adopted(logging.Logger):
    """The root logger of a library: it takes no handler for the standard streams, and always propagates."""

    def addHandler(self, hdlr: logging.Handler) -> None:  # noqa: N802 - logging's name
        """Add it, unless it would write what the root's handler writes."""
        if not _is_on_terminal(hdlr):
            super().addHandler(hdlr)

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, True if name == "propagate" else value)


@frozen
class Shown:
    """A filter: warnings and errors of everybody, the rest of those whose records are wanted."""

    wanted: frozenset[str]

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this record is written."""
        return record.levelno >= logging.WARNING or record.name.partition(".")[0] in self.wanted


def _is_on_terminal(handler: logging.Handler) -> bool:
    streams = (sys.stderr, sys.stdout, sys.__stderr__, sys.__stdout__)
    return isinstance(handler, logging.StreamHandler) and any(handler.stream is each for each in streams)


__all__ = ["Adopted", "Shown", "adopt_speakers", "quieten", "shown"]
