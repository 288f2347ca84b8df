"""The packaged text files of the demo models: readable data, one folder a model."""

from importlib.resources import files


def read(folder: str, name: str) -> str:
    """Return the text of `data/<folder>/<name>`; `FileNotFoundError` if the package lacks it."""
    return (files("tooling.demo") / "data" / folder / name).read_text(encoding="utf-8")


def read_all(folder: str) -> dict[str, str]:
    """Return every text of `data/<folder>` by file name, in the order of the names."""
    entries = sorted((files("tooling.demo") / "data" / folder).iterdir(), key=lambda entry: entry.name)
    return {entry.name: entry.read_text(encoding="utf-8") for entry in entries if entry.name.endswith(".txt")}


def content_lines(text: str) -> list[str]:
    """Return the lines that say something: stripped, without blank lines and `#` comments."""
    return [line for raw in text.splitlines() if (line := raw.strip()) and not line.startswith("#")]


__all__ = ["content_lines", "read", "read_all"]
