"""Small files of a model, from a local directory or from the hub's cache, fetched if need be. Blocking."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from engines.errors import EngineStartFailed, chain
from engines.libraries import importing


def model_file(model: str, name: str, revision: str | None = None) -> Path | None:
    """A file of a local directory or of a hub repository; None if the model has none. Raises `EngineStartFailed`."""
    with importing("transformers", "transformers"):
        from transformers.utils import cached_file  # noqa: PLC0415 - seconds, and only where a model is loaded

    try:
        found = cached_file(model, name, revision=revision, _raise_exceptions_for_missing_entries=False)
    except Exception as error:  # the door: OSError for connection errors, others for ids and answers it does not like
        raise EngineStartFailed(f"{name} of {model} cannot be fetched: {chain(error)}") from error
    return Path(found) if found else None


def json_files(model: str, names: Iterable[str], revision: str | None = None) -> dict[str, Mapping[str, Any]]:
    """Those of the named files that the model has, parsed. Raises `EngineStartFailed` for a broken one."""
    files: dict[str, Mapping[str, Any]] = {}
    for name in names:
        path = model_file(model, name, revision)
        if path is None:
            continue
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise EngineStartFailed(f"{name} of {model} cannot be read: {error}") from error
        if not isinstance(content, dict):
            raise EngineStartFailed(f"{name} of {model} is not a JSON object")
        files[name] = content
    return files


__all__ = ["json_files", "model_file"]
