"""Shows the log of a launch, its end and what comes after it, across rotations. Reads files; knows no process."""

from tooling.logs.following import follow
from tooling.logs.reading import first_lines, last_lines

__all__ = ["first_lines", "follow", "last_lines"]
