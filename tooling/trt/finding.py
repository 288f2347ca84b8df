"""Where an engine is found that need not be built: in the cache, or in a repository under its label. Builds nothing."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from engines.quantised import Format, by_method, refusal, remark
from runtime.settings import Settings
from tooling.cache import Entry, is_complete
from tooling.cache.entry import KEY
from tooling.models import TRT_ENGINES, Model
from tooling.refusal import REFUSED, Refusal
from tooling.trt.label import Label

METADATA = "build_metadata.json"


@frozen(kw_only=True)
class Engine:
    """An engine that is there. `path`: its directory here; `folder`: else where it stands in `repository`.

    `origin`: how it was found, for people. `max_batch_size`: None where nothing says it before it is opened.
    """

    origin: str
    path: Path | None = None
    repository: Model | None = field(default=None, repr=False)
    folder: str = ""
    max_batch_size: int | None = None


def cached(wanted: Entry, home: Path, max_batch_size: int | None, batch_size: int | None) -> Engine | None:
    """A complete engine of the cache that is `wanted`, whatever its maximum is unless `max_batch_size` says it.

    Of several the smallest that takes `batch_size` counts, without one the largest. Raises `Refusal` (3) where all
    are smaller than `batch_size`, and no other is asked for.
    """
    found = {size: path for size, path in _like(wanted, home) if max_batch_size in (None, size)}
    if not found:
        return None
    fitting = [size for size in found if batch_size is None or size >= batch_size]
    if not fitting:
        raise too_small(batch_size or 0, max(found), f"the engine in {found[max(found)]}")
    size = max(fitting) if batch_size is None else min(fitting)
    return Engine(origin="in the cache", path=found[size], max_batch_size=size)


def in_repository(
    repository: Model, settings: Settings, own: Label | None, asked: str
) -> tuple[Engine | None, tuple[str, ...]]:
    """The engine below `trt-llm/engines` that runs here, and what to tell about the others.

    `own`: the label of what is built here, None where that is not known; `asked`: `CHAT_QUANTIZATION`. Raises
    `Refusal` (3) where `TRT_ENGINE_LABEL` names one that is not there or cannot run here.
    """
    names = repository.findings.engines
    notes = [
        f"{repository.name}: the name of {TRT_ENGINES}/{name} cannot be read, it is left alone"
        for name in names
        if Label.parse(name) is None
    ]
    chosen = _chosen(repository, settings.trt.engine_label, own)
    if chosen is None or own is None:
        there = sorted(name for name in names if Label.parse(name))
        if there and own is not None:
            notes.append(f"{repository.name} has engines for {', '.join(there)}, none for {own}")
        return None, tuple(notes)
    folder = f"{TRT_ENGINES}/{chosen}"
    told = _metadata(repository, folder)
    if why := _unfit(told, settings, asked):
        notes.append(f"{repository.name}: the engine {chosen} is not taken: {why}")
        return None, tuple(notes)
    size = told["max_batch_size"]
    if (batch := settings.trt.batch_size) is not None and batch > size:
        raise too_small(batch, size, f"the engine {folder} of {repository.name}")
    origin = f"{folder} of {repository.name}"
    path = repository.directory / folder if repository.directory is not None else None
    found = Engine(origin=origin, path=path, repository=repository, folder=folder, max_batch_size=size)
    return found, tuple(notes)


def too_small(batch_size: int, maximum: int, what: str) -> Refusal:
    """`TRT_BATCH_SIZE` is more than an engine takes."""
    return Refusal(
        f"TRT_BATCH_SIZE is {batch_size}, {what} was built for {maximum} at most, which is baked into it and is "
        f"not MAX_CONCURRENT_CONNECTIONS: lower TRT_BATCH_SIZE, or set TRT_MAX_BATCH_SIZE={batch_size} to build "
        "another engine",
        REFUSED,
    )


def _like(wanted: Entry, home: Path) -> Iterator[tuple[int, Path]]:
    """Complete entries whose recipe differs from the wanted one in its maximum batch at most."""
    same = {**json.loads(json.dumps(dict(wanted.recipe))), "max_batch_size": None}
    kind = home / wanted.kind
    for path in sorted(kind.glob(f"{wanted.name}-*")) if kind.is_dir() else []:
        if ".partial-" in path.name:
            continue
        try:
            recipe = json.loads((path / KEY).read_text(encoding="utf-8"))
            size = recipe["max_batch_size"]
        except (OSError, ValueError, KeyError, TypeError):
            continue  # damaged: it is made again under its own name
        if isinstance(size, int) and {**recipe, "max_batch_size": None} == same and is_complete(path):
            yield size, path


def _chosen(repository: Model, named: str | None, own: Label | None) -> Label | None:
    """The label to take, None if the repository has none for here."""
    names = repository.findings.engines
    if named is None:
        return own if own is not None and str(own) in names else None
    label = Label.parse(named)
    if label is None:
        raise Refusal(f"TRT_ENGINE_LABEL={named} is no label; they look like sm90_trt-llm-1.2.1_cuda13.1", REFUSED)
    if named not in names:
        raise Refusal(
            f"{repository.name} has no engine {named}; there is {', '.join(names) or 'none'}: unset "
            "TRT_ENGINE_LABEL, or name another repository in TRT_ENGINE_REPO",
            REFUSED,
        )
    if own is not None and (differences := label.differences(own)):
        raise Refusal(
            f"the engine {named} of {repository.name} cannot run here: {differences}; unset TRT_ENGINE_LABEL and build "
            "one (just build-trt)",
            REFUSED,
        )
    return label


def _unfit(told: Mapping[str, Any], settings: Settings, asked: str) -> str:
    """Why an engine that runs here does not fit what is asked for; empty if it does. `told`: its metadata."""
    trt, chat, engine = settings.trt, settings.chat, settings.engine
    numbers = ("max_batch_size", "max_input_len", "max_seq_len", "tp_size")
    if any(not isinstance(told.get(name), int) or isinstance(told.get(name), bool) for name in numbers):
        return f"its {METADATA} is missing or does not say {', '.join(numbers)}"
    if trt.max_batch_size is not None and told["max_batch_size"] != trt.max_batch_size:
        return f"it was built for {told['max_batch_size']} at most, TRT_MAX_BATCH_SIZE is {trt.max_batch_size}"
    if told["max_input_len"] < chat.max_len - chat.max_out or told["max_seq_len"] < chat.max_len:
        return (
            f"it takes prompts of {told['max_input_len']} and {told['max_seq_len']} tokens in all, CHAT_MAX_LEN is "
            f"{chat.max_len} with replies of {chat.max_out}"
        )
    if engine.tensor_parallel is not None and engine.tensor_parallel != told["tp_size"]:
        return f"it was built for {told['tp_size']} GPUs, CHAT_TENSOR_PARALLEL is {engine.tensor_parallel}"
    algorithm = told.get("quantization")
    made = by_method(algorithm) if isinstance(algorithm, str) and algorithm not in ("", "none") else None
    return refusal(asked, made, "it") or _other_format(asked, made)


def _other_format(asked: str, made: Format | None) -> str:
    if made is None:
        return "" if asked in ("auto", "none") else f"its weights are not quantised, {asked} was asked for"
    return "its weights have another format" if remark(asked, made) else ""


def _metadata(repository: Model, folder: str) -> Mapping[str, Any]:
    name = f"{folder}/{METADATA}"
    if repository.directory is None or name in repository.files:
        return repository.files.get(name, {})
    try:
        found = json.loads((repository.directory / name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


__all__ = ["METADATA", "Engine", "cached", "in_repository", "too_small"]
