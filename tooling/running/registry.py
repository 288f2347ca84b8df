"""The states of all launches below a home: `run/<port>/state.json`, and beside each the server's pid for people."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from tooling.running.state import State, StateUnreadable, decode, encode

RUN = "run"
STATE_FILE = "state.json"
PID_FILE = "server.pid"


def place_of(home: Path, key: int | str) -> Path:
    """The directory of one launch."""
    return home / RUN / str(key)


def read_state(home: Path, key: int | str) -> State | None:
    """What was last written for a port; None if nothing ever was. Raises `StateUnreadable`."""
    path = place_of(home, key) / STATE_FILE
    try:
        state = decode(path.read_bytes(), path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StateUnreadable(path, f"cannot be read: {error.strerror or error}") from None
    if state.key != str(key):
        raise StateUnreadable(path, f"this is the state of {state.key!r}, copied here; delete the file")
    return state


def write_state(home: Path, state: State) -> None:
    """Write it, whole or not at all; `server.pid` exists while the server may. Raises `OSError`."""
    place = place_of(home, state.key)
    place.mkdir(parents=True, exist_ok=True)
    _replace(place / STATE_FILE, encode(state))
    if state.server is None or state.phase.is_over:
        (place / PID_FILE).unlink(missing_ok=True)
    else:
        _replace(place / PID_FILE, f"{state.server.pid}\n".encode())


def remove_state(home: Path, key: int | str) -> None:
    """Forget a launch. Raises `OSError`."""
    place = place_of(home, key)
    for name in (STATE_FILE, PID_FILE):
        (place / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # somebody put a file of his own there
        place.rmdir()


def every_state(home: Path) -> tuple[State | StateUnreadable, ...]:
    """Every launch that was written down, in the order of ports; one that cannot be read as the error that says why."""
    try:
        keys = sorted((entry.name for entry in (home / RUN).iterdir() if entry.is_dir()), key=_order)
    except OSError:
        return ()  # there is no such directory, or not to us
    found = [state for key in keys if (state := _read(home, key)) is not None]
    # A launch that has got its port is there under both of its names for a moment.
    settled = {one.keeper for one in found if isinstance(one, State) and one.key.isdecimal()}
    return tuple(one for one in found if not isinstance(one, State) or one.key.isdecimal() or one.keeper not in settled)


def in_use(home: Path) -> frozenset[Path]:
    """Everything that living launches name: `clean` leaves it alone. A state that cannot be read names nothing."""
    states = [state for state in every_state(home) if isinstance(state, State) and state.is_alive()]
    return frozenset(path for state in states for path in _paths(state.resolved))


def _read(home: Path, key: str) -> State | StateUnreadable | None:
    try:
        return read_state(home, key)
    except StateUnreadable as error:
        return error


def _order(key: str) -> tuple[int, str]:
    port, _, rest = key.partition("-")
    return (int(port) if port.isdecimal() else 1 << 16, rest)


def _paths(value: object) -> Iterator[Path]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for inner in value:
            yield from _paths(inner)
    elif isinstance(value, str) and value.startswith("/"):
        yield Path(value)


def _replace(path: Path, content: bytes) -> None:
    partial = path.with_name(f"{path.name}.partial-{os.getpid()}")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


__all__ = ["every_state", "in_use", "place_of", "read_state", "remove_state", "write_state"]
