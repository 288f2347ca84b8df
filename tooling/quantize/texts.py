"""Calibration texts out of a local file: JSON, JSON lines or CSV. Read by the launcher to check it, by the worker to
use it. Needs the standard library alone.

A row has `text`, or `messages` in the shape of chat templates (a list of `role` and `content`; JSON only).
"""

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

SUFFIXES = (".json", ".jsonl", ".csv")
# A text column may hold whole articles; the module's own limit is 128 KiB.
_LONGEST_FIELD = 1 << 30


class TextsUnreadable(Exception):
    """The file holds no calibration texts; the message says where it stops being readable."""


def rows(path: Path) -> Iterator[Mapping[str, Any]]:
    """Every row that has something to read. Raises `TextsUnreadable`."""
    try:
        for number, row in enumerate(_raw(path), 1):
            if not isinstance(row, Mapping):
                raise TextsUnreadable(f"row {number} of {path} is {type(row).__name__}, not an object with a text")
            if _is_text(row.get("text")):
                yield {"text": row["text"]}
            elif _is_talk(row.get("messages")):
                yield {"messages": row["messages"]}
            elif "text" not in row and "messages" not in row:
                found = ", ".join(sorted(str(name) for name in row)[:5]) or "nothing"
                raise TextsUnreadable(f"row {number} of {path} has {found}; `text` or `messages` is read")
            elif row.get("messages") is not None or not isinstance(row.get("text"), str | None):
                raise TextsUnreadable(
                    f"row {number} of {path}: `text` is a string, `messages` a list of role and content"
                )
    except (OSError, ValueError, RecursionError, csv.Error) as error:
        raise TextsUnreadable(f"{path} cannot be read: {error}") from error


def _raw(path: Path) -> Iterator[Any]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        if path.suffix.lower() == ".csv":
            csv.field_size_limit(_LONGEST_FIELD)
            yield from csv.DictReader(stream)
            return
        first = stream.readline()
        stream.seek(0)
        if first.lstrip().startswith("["):
            yield from json.load(stream)
        elif path.suffix.lower() == ".json" and not _is_object(first):
            yield json.load(stream)
        else:
            yield from (json.loads(line) for line in stream if line.strip())


def _is_object(line: str) -> bool:
    """Whether a file that begins with this line is lines of objects; otherwise it is one object over many lines."""
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_talk(value: object) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(
            isinstance(message, Mapping)
            and isinstance(message.get("role"), str)
            and isinstance(message.get("content"), str)
            for message in value
        )
    )


__all__ = ["SUFFIXES", "TextsUnreadable", "rows"]
