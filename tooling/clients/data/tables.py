"""Reading a TOML file into texts, with an error that says what to mend."""

import tomllib
from collections.abc import Mapping
from pathlib import Path

from tooling.clients.failures import UsageProblem

Table = Mapping[str, object]


def read_table(path: Path) -> Table:
    """The whole file. Raises `UsageProblem` that names it, when it is not there, not UTF-8 or not TOML."""
    if path.exists() and not path.is_file():
        raise UsageProblem(f"{path.name}: is no file")  # a pipe of that name would be waited for
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise UsageProblem(f"{path.name}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise UsageProblem(f"{path.name}: is not UTF-8 at byte {error.start}; save it as UTF-8") from None
    except ValueError as error:
        raise UsageProblem(f"{path.name}: is not TOML: {error}") from None
    except RecursionError:
        raise UsageProblem(f"{path.name}: is not for us: nested too deeply") from None


def text_of(table: Table, name: str, where: str) -> str:
    """A text that must be there and say something, without white space around it."""
    value = table.get(name)
    if not isinstance(value, str):
        raise UsageProblem(f'{where}: {name} must be a text: {name} = "..."')
    if not value.strip():
        raise UsageProblem(f"{where}: {name} is empty")
    return value.strip()


def line_of(table: Table, name: str, where: str) -> str:
    """Like `text_of`, on one line however the file wraps it."""
    return " ".join(text_of(table, name, where).split())


def words_of(table: Table, name: str, where: str) -> tuple[str, ...]:
    """A list of texts, empty where the name is not there."""
    value = table.get(name, [])
    if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
        raise UsageProblem(f'{where}: {name} must be a list of texts: {name} = ["..."]')
    return tuple(value)


def tables_of(table: Table, name: str, where: str) -> tuple[Table, ...]:
    """A list of tables, at least one, written `[[name]]`."""
    value = table.get(name)
    if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
        raise UsageProblem(f"{where}: needs tables [[{name}]]")
    return tuple(value)


__all__ = ["Table", "line_of", "read_table", "tables_of", "text_of", "words_of"]
