"""Fixed things to say, kept as data."""

import tomllib
from pathlib import Path

FILE = Path(__file__).parent / "messages.toml"


def message(name: str) -> str:
    """The text of that name."""
    text = tomllib.loads(FILE.read_text("utf-8"))[name]
    assert isinstance(text, str)
    return text.strip()


__all__ = ["message"]
