"""Loads models: the float one with what llmcompressor needs, the export as anybody would."""

import gc
from pathlib import Path
from typing import Any

import torch
from compressed_tensors.offload import set_onload_device
from huggingface_hub import snapshot_download
from huggingface_hub.errors import LocalEntryNotFoundError
from llmcompressor.utils import load_context
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText, AutoTokenizer

from tooling.quantize.job import Job
from tooling.quantize.worker import quality
from tooling.quantize.worker.telling import Failure

FOR_EXPERTS = ("torchvision", "PIL")
"""What transformers looks into when experts are taken apart, whatever the model is."""


def located(job: Job) -> Path:
    """Where the model is on this machine. Raises `Failure`: it was not fetched."""
    if job.directory is not None:
        return job.directory
    try:
        return Path(snapshot_download(job.model, revision=job.revision, local_files_only=True))
    except LocalEntryNotFoundError as error:
        raise Failure(f"{job.model} at {job.revision} is not on this machine: it is fetched before") from error


def class_of(place: Path, *, trust_remote_code: bool) -> Any:
    """The class that loads it: of language models, or of those that see as well. Raises `Failure`."""
    config = AutoConfig.from_pretrained(place, trust_remote_code=trust_remote_code)
    if trust_remote_code and "AutoModelForCausalLM" in (getattr(config, "auto_map", None) or {}):
        return AutoModelForCausalLM
    for each in (AutoModelForCausalLM, AutoModelForImageTextToText):
        if type(config) in each._model_mapping:
            return each
    raise Failure(f"transformers knows no chat model of type {config.model_type}: it cannot be quantised here")


def load(place: Path, *, trust_remote_code: bool) -> tuple[Any, Any]:
    """The float model and its tokenizer, off-loaded and with its experts as linear layers. Raises `Failure`."""
    cls = class_of(place, trust_remote_code=trust_remote_code)
    try:
        with load_context(cls):
            model = cls.from_pretrained(place, dtype="auto", trust_remote_code=trust_remote_code)
    except ModuleNotFoundError as error:
        if error.name not in FOR_EXPERTS:
            raise
        raise Failure(
            f"to take this model's experts apart {error.name} is needed, which the environment has on a machine with a "
            "GPU: quantise it there"
        ) from error
    return model, tokenizer(place, trust_remote_code=trust_remote_code)


def load_export(place: Path, *, trust_remote_code: bool) -> Any:
    """The export, read from its files like any model."""
    cls = class_of(place, trust_remote_code=trust_remote_code)
    device_map = "auto" if torch.accelerator.is_available() else None
    return cls.from_pretrained(place, dtype="auto", device_map=device_map, trust_remote_code=trust_remote_code)


def tokenizer(place: Path, *, trust_remote_code: bool) -> Any:
    """The tokenizer beside a model."""
    return AutoTokenizer.from_pretrained(place, trust_remote_code=trust_remote_code)


def onto_accelerator(model: Any) -> Any:
    """The model computing on the GPU, which it visits layer by layer, as calibration has it; as it is without one."""
    return set_onload_device(model, quality.device()) if torch.accelerator.is_available() else model


def forget() -> None:
    """Give memory back that nothing refers to any more."""
    gc.collect()
    if torch.accelerator.is_available():
        torch.accelerator.empty_cache()


__all__ = ["class_of", "forget", "load", "load_export", "located", "onto_accelerator", "tokenizer"]
