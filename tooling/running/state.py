"""What a launch writes down of itself, for `stop`, `restart`, `status`, `logs` and `clean`."""

import json
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec
from attrs import field, frozen

from runtime.settings.sections import VARIABLES
from tooling.refusal import FAILED, Refusal
from tooling.running.identity import Identity

SCHEMA = 1
SECRETS = {name for name, variable in VARIABLES.items() if variable.secret}


class Phase(StrEnum):
    """What a launch is at."""

    PREPARING = "preparing"
    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"

    @property
    def is_over(self) -> bool:
        """Whether nothing follows."""
        return self in (Phase.STOPPED, Phase.FAILED)


class StateUnreadable(Refusal):
    """A state file that says nothing; the sentence names the file, what is wrong with it and the mend."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: {why}", FAILED)
        self.path = path


@frozen(kw_only=True)
class Exit:
    """How a launch ended. `code`: the keeper's exit code; `signal`: what ended the server, by name; `at`: Unix time."""

    code: int
    why: str
    at: float
    signal: str | None = None


def _without_secrets(state: object, attribute: object, value: dict[str, Any]) -> None:
    if found := SECRETS & set(_names(value)):
        raise ValueError(f"a state never holds {', '.join(sorted(found))}")


def _names(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield str(name)
            yield from _names(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _names(inner)


@frozen(kw_only=True)
class State:
    """One launch. Plain JSON data throughout, and no secrets: a mapping with the name of one is refused.

    `key`: its directory's name: the port, or until a free one is known `0-<pid>` of whoever asked for it. `server`: the
    main process, None before it is started. `requested`: as typed, what `restart` starts from. `resolved`: what came of
    it, of which `mode`, `engine`, `chat_model`, `tool_model`, `quantization`, `keys`, `label` are shown; every absolute
    path in it, however deep, counts as in use while the launch lives. `log`: absolute. `started`: Unix time.
    `progress`: what it is at, in words. `code`: what a launch that is ready exits with, 0, or 7 after a failed push.
    `drain_timeout_s`: what its server takes for running turns after the first signal.
    """

    schema: int = SCHEMA
    key: str
    host: str
    port: int
    phase: Phase
    keeper: Identity
    server: Identity | None = None
    requested: dict[str, Any] = field(factory=dict, validator=_without_secrets)
    resolved: dict[str, Any] = field(factory=dict, validator=_without_secrets)
    versions: dict[str, str] = field(factory=dict)
    log: str = ""
    started: float
    progress: str = ""
    code: int = 0
    drain_timeout_s: float = 0.0
    exit: Exit | None = None

    @property
    def processes(self) -> tuple[Identity, ...]:
        """The keeper, and the server if it was started."""
        return (self.keeper,) if self.server is None else (self.keeper, self.server)

    def is_alive(self) -> bool:
        """Whether anything of it still runs."""
        return any(process.is_alive() for process in self.processes)

    def is_stale(self) -> bool:
        """Whether it claims to run and does not: its keeper was killed, or the machine was switched off."""
        return not self.phase.is_over and not self.is_alive()

    def described(self) -> str:
        """Phase, process, address, models and uptime in a few words."""
        process = self.server or self.keeper
        age = f", up {duration(process.age_s())}" if process.is_alive() else ""
        models = [self.resolved.get(name) or self.requested.get(name) for name in ("chat_model", "tool_model")]
        named = "".join(f", {model}" for model in models if model)
        return f"port {self.port}: {self.phase}, pid {process.pid}{named}{age}"


def duration(seconds: float) -> str:
    """Seconds for people, to the two largest units."""
    whole = int(seconds)
    parts = [(whole // 86400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "min"), (whole % 60, "s")]
    while len(parts) > 1 and not parts[0][0]:
        del parts[0]
    return " ".join(f"{number} {unit}" for number, unit in parts[:2] if number or unit == parts[0][1])


@frozen
class _Head:
    schema: int


def encode(state: State) -> bytes:
    """The file's content, ASCII: names of files need not be text, and come back as they were."""
    return json.dumps(msgspec.to_builtins(state), indent=1).encode() + b"\n"


def decode(content: bytes, path: Path) -> State:
    """The state in a file's content. Raises `StateUnreadable`."""
    mend = "; if nothing of it runs any more, delete the file"
    if not content.strip():
        raise StateUnreadable(path, f"the file is empty{mend}")
    try:
        data = json.loads(content)
        head = msgspec.convert(data, _Head)
        if head.schema > SCHEMA:
            raise StateUnreadable(
                path, f"written by a newer version (schema {head.schema}, this one knows {SCHEMA}); use that version"
            )
        return msgspec.convert(data, State)
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        raise StateUnreadable(path, f"no state of a launch: {error}{mend}") from None


__all__ = ["SCHEMA", "Exit", "Phase", "State", "StateUnreadable", "decode", "duration", "encode"]
