"""Fixed things to say, kept as data: `greeting`, `opener`, `bench`, `interjection`, `long_story`."""

from pathlib import Path

from tooling.clients.data.tables import line_of, read_table

FILE = Path(__file__).parent / "messages.toml"


def message(name: str) -> str:
    """The text of that name, on one line. Raises `UsageProblem` where the file has none."""
    return line_of(read_table(FILE), name, FILE.name)


__all__ = ["message"]
