"""What the locked packages say of their licences, written down beside the locks: reading it needs no network."""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

NAME = "licences"
FILE = Path("tooling") / "locks" / f"{NAME}.toml"
HEADER = """\
# What each locked package says of its own licence, an SPDX expression where it gives one; empty where it says nothing.
# Written by `just lock`, never by hand.
"""
# Longer ones are the licence itself, whose first line may be anything.
LONGEST = 60
CLASSIFIER = "License :: "
NOTHING = ("", "UNKNOWN")


def said(metadata: Mapping[str, Any]) -> str:
    """A package's licence in the words of its metadata (PyPA's JSON form of it), at most a line; empty for none.

    The expression of today's metadata counts before the free text of yesterday's, and that before the classifiers.
    """
    if expression := metadata.get("license_expression"):
        return str(expression)
    text = str(metadata.get("license") or "").strip()
    if text not in NOTHING and "\n" not in text and len(text) <= LONGEST:
        return text
    classifiers = [each for each in metadata.get("classifier", ()) if each.startswith(CLASSIFIER)]
    names = [each.rpartition(" :: ")[2] for each in classifiers]
    if names or text in NOTHING:
        return " OR ".join(names)
    return text.splitlines()[0].strip()[:LONGEST]


def read(root: Path) -> dict[str, str]:
    """`name==version` to licence, of the checkout at `root`; empty where nothing was written down yet."""
    path = root / FILE
    return tomllib.loads(path.read_text("utf-8")) if path.exists() else {}


def text(pins: Iterable[str], known: Mapping[str, str]) -> str:
    """The file for these `name==version`, in order."""
    return HEADER + "".join(f"{_quoted(pin)} = {_quoted(known[pin])}\n" for pin in sorted(set(pins)))


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(each if each.isprintable() else " " for each in escaped) + '"'


__all__ = ["FILE", "NAME", "read", "said", "text"]
