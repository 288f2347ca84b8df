"""Files of `NAME=value` lines, for commands that are told to read one; none is ever read unasked."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from runtime.settings.errors import Problem, SettingsError
from runtime.settings.links import is_service_link

LINE = re.compile(r"(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=(.*)", re.DOTALL)
ENV_FILE = "--env-file"
QUOTES = ("'", '"')


class FileValue(str):
    """A value that knows where it was read, so that a complaint about it can say so. `place`: `file:line`."""

    place: str

    def __new__(cls, text: str, place: str) -> "FileValue":
        """The text, read at that place."""
        value = super().__new__(cls, text)
        value.place = place
        return value


def read_env_file(path: Path) -> dict[str, FileValue]:
    """Variable to value. Values are literal: no shell, no escapes; one pair of outer quotes is dropped.

    Blank lines and lines that start with `#` are skipped; a `#` in a value belongs to it. The last line of a name wins.
    Raises `SettingsError`, which names file and line, never what stands there: it may be a secret.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise SettingsError([Problem(str(path), "is not UTF-8 text")]) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        raise SettingsError([Problem(str(path), f"cannot be read ({reason})")]) from None
    values: dict[str, FileValue] = {}
    problems: list[Problem] = []
    for number, line in enumerate(text.split("\n"), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        match, place = LINE.fullmatch(stripped), f"{path}:{number}"
        if match is None or "\0" in match[2]:  # which no environment can hold
            problems.append(Problem(place, "is not NAME=value"))
        else:
            values[match[1]] = FileValue(_literal(match[2].strip()), place)
    if problems:
        raise SettingsError(problems)
    return values


def take_env_file(words: Sequence[str]) -> tuple[Path | None, list[str]]:
    """The file named by `--env-file FILE` or `--env-file=FILE`, and the other words; the last one counts.

    Raises `SettingsError` if the name is missing.
    """
    path, others = None, []
    rest = iter(words)
    for word in rest:
        flag, equals, text = word.partition("=")
        if flag != ENV_FILE:
            others.append(word)
            continue
        text = text if equals else next(rest, "")
        if not text.strip():
            raise SettingsError([Problem(ENV_FILE, "the flag needs a file")])
        path = Path(text).expanduser()
    return path, others


def beneath(environ: Mapping[str, str], file: Mapping[str, str]) -> dict[str, str]:
    """The environment with the file's values where it has none; a blank value is none, nor is a service link."""
    return {**file, **{name: value for name, value in environ.items() if name not in file or _counts(value)}}


def place_of(value: str | None) -> str | None:
    """Where a value of an environment was read, if that was a file."""
    return value.place if isinstance(value, FileValue) else None


def _counts(value: str) -> bool:
    return bool(value.strip()) and not is_service_link(value)


def _literal(text: str) -> str:
    if len(text) >= 2 and text[0] in QUOTES and text[-1] == text[0]:
        return text[1:-1]
    return text


__all__ = ["FileValue", "beneath", "place_of", "read_env_file", "take_env_file"]
