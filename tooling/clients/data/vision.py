"""What asks to look at the screen, and what is reported of it."""

from pathlib import Path

from attrs import frozen

from tooling.clients.data.tables import line_of, read_table, tables_of

FILE = Path(__file__).parent / "vision.toml"


@frozen
class Vision:
    """`requests[k]` asks to look, `analyses[k]` is what a followup reports; the first of each is the default."""

    requests: tuple[str, ...]
    analyses: tuple[str, ...]


def load_vision(path: Path = FILE) -> Vision:
    """Read them. Raises `UsageProblem` that names the file and what to mend."""
    looks = [
        (line_of(look, "request", where), line_of(look, "analysis", where))
        for number, look in enumerate(tables_of(read_table(path), "looks", path.name), 1)
        for where in (f"{path.name}: look {number}",)
    ]
    return Vision(tuple(request for request, _ in looks), tuple(analysis for _, analysis in looks))


__all__ = ["Vision", "load_vision"]
