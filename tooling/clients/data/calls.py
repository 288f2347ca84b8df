"""What simulated callers say."""

import tomllib
from pathlib import Path

from tooling.clients.failures import UsageProblem

FILE = Path(__file__).parent / "calls.toml"


def load_lines(file: Path = FILE) -> tuple[str, ...]:
    """The lines, in the order of the file. Raises `UsageProblem`."""
    try:
        lines = tomllib.loads(file.read_text("utf-8"))["lines"]
    except (OSError, ValueError, KeyError) as error:
        raise UsageProblem(f"{file.name} cannot be used: {error}") from None
    return tuple(map(str, lines))


__all__ = ["load_lines"]
