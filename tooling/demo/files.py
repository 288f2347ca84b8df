"""The text files of the demo models: packaged data, one folder a model, and what is written beside weights."""

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path


def read_all(folder: str) -> dict[str, str]:
    """Return every text of `data/<folder>` by file name, in the order of the names."""
    entries = sorted((files("tooling.demo") / "data" / folder).iterdir(), key=lambda entry: entry.name)
    return {entry.name: entry.read_text(encoding="utf-8") for entry in entries if entry.name.endswith(".txt")}


def content_lines(text: str) -> list[str]:
    """Return the lines that say something: stripped, without blank lines and `#` comments."""
    return [line for raw in text.splitlines() if (line := raw.strip()) and not line.startswith("#")]


def write_json(path: Path, data: Mapping[str, object]) -> None:
    """Write data as readable JSON."""
    path.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")


__all__ = ["content_lines", "read_all", "write_json"]
