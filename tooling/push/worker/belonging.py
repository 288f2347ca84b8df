"""Whether a push belongs in the repository that it names: what that holds has to be of the same model and format."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from huggingface_hub import constants

from tooling.models import TRT_CHECKPOINTS
from tooling.models.detection import trt_folders
from tooling.push.contents import CHECKPOINT_METADATA, ENGINE_METADATA, EXPORT_METADATA, metadata
from tooling.push.order import Order, What
from tooling.refusal import Refusal

HELD_METADATA = f"{TRT_CHECKPOINTS}/{CHECKPOINT_METADATA}"
ELSEWHERE = "name another repository (--repo, HF_PUSH_REPO_ID)"
KEY = re.compile("[0-9a-f]{16}")
"""Of a checkpoint made here; in the place of others' stands another text."""
Read = Callable[[str], Mapping[str, Any]]


def complaints(order: Order, exists: bool, files: Mapping[str, int], read: Read) -> Iterator[str]:
    """Why an order is not for the repository it names. `files`: what that holds, bytes by path; `read`: a JSON object
    that is in it, empty where it cannot be understood.
    """
    if order.must_exist and not exists:
        yield (
            f"{order.repository} is not on {constants.ENDPOINT}, or the token may not see it: an engine is added to "
            "the repository its checkpoint is in; --push-quant makes one"
        )
    elif order.what is What.ENGINE:
        yield from _of_engine(order, files, read)
    elif order.export is not None:
        yield from _of_export(order, files, read)
    else:
        yield from _of_checkpoint(order, files, read)


def _of_engine(order: Order, files: Mapping[str, int], read: Read) -> Iterator[str]:
    if not trt_folders(files)[0]:
        yield (
            f"{order.repository} holds no TensorRT-LLM checkpoint, and an engine goes beside the one it is of: "
            "name its repository in HF_PUSH_REPO_ID"
        )
    elif order.source != order.repository and HELD_METADATA in files:
        held, own = read(HELD_METADATA), _own(order.engines[0] if order.engines else None, ENGINE_METADATA)
        # A key says more than a name; an engine that is not built yet says nothing.
        name = "checkpoint_key" if all(_has_key(each) for each in (held, own)) else "model_id"
        if held and own and held.get(name) != own.get(name):
            yield (
                f"{order.repository} holds the checkpoint {held.get('quant_method')} of {held.get('model_id')}, and "
                f"the engine was built from another, of {own.get('model_id')}: {ELSEWHERE}, the one with its checkpoint"
            )


def _has_key(told: Mapping[str, Any]) -> bool:
    """Whether the checkpoint that is told of was made by us."""
    key = told.get("checkpoint_key")
    return isinstance(key, str) and KEY.fullmatch(key) is not None


def _of_export(order: Order, files: Mapping[str, int], read: Read) -> Iterator[str]:
    if any(path.startswith("trt-llm/") for path in files):
        yield f"{order.repository} holds a TensorRT-LLM checkpoint: its files would no longer fit together; {ELSEWHERE}"
    elif EXPORT_METADATA in files:
        held = read(EXPORT_METADATA)
        own = _own(order.export, EXPORT_METADATA).get("scheme")
        yield from _other(order, "export", held.get("source_model"), held.get("scheme"), own or order.form)
    elif _has_weights(files):
        yield f"{order.repository} holds another model's weights: its files would no longer fit together; {ELSEWHERE}"


def _of_checkpoint(order: Order, files: Mapping[str, int], read: Read) -> Iterator[str]:
    if _has_weights(files):
        yield f"{order.repository} holds another model's weights: its files would no longer fit together; {ELSEWHERE}"
    elif HELD_METADATA in files:
        held = read(HELD_METADATA)
        own = _own(order.checkpoint, CHECKPOINT_METADATA).get("quant_method")
        yield from _other(order, "checkpoint", held.get("model_id"), held.get("quant_method"), own or order.form)


def _other(order: Order, what: str, model: object, form: object, own: object) -> Iterator[str]:
    """`model`, `form`: of what the repository holds; `own`: the format of what is pushed; each may be unknown."""
    source = order.source if order.revision is not None else Path(order.source).name
    is_other_model = isinstance(model, str) and model not in (source, order.source)
    if is_other_model or (form and own and form != own):
        yield (
            f"{order.repository} holds the {what} {form} of {model}, and this is {own or 'one'} of {source}, which "
            f"would take its place: {ELSEWHERE}, or delete that one on {constants.ENDPOINT} if it is to go"
        )


def _own(place: Path | None, file: str) -> Mapping[str, Any]:
    """What is written down of what is pushed; nothing while it is not made."""
    try:
        return metadata(place, file) if place is not None else {}
    except Refusal:
        return {}


def _has_weights(files: Mapping[str, int]) -> bool:
    return any("/" not in path and path.endswith((".safetensors", ".bin", ".gguf")) for path in files)


__all__ = ["complaints"]
