"""Starts a server again as it was asked for before, with what is named now in the place of what was asked then."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from attrs import evolve

from runtime.settings import beneath
from runtime.settings.reading import Source, read
from runtime.settings.sections import VARIABLES
from tooling.cache import require_home
from tooling.refusal import NOTHING_THERE, Refusal
from tooling.run.choosing import SLOTS
from tooling.run.command import Before, Ways, from_words, launch, with_file
from tooling.run.foreign import is_foreign, is_secret
from tooling.run.grammar import Command
from tooling.run.requested import Requested
from tooling.run.usage import RESTART
from tooling.running import State
from tooling.running.choosing import named_or_only, split

SECRETS = frozenset(name for name, variable in VARIABLES.items() if variable.secret)
PROC = Path("/proc")
Say = Callable[[str], None]
Stop = Callable[[Path, State, Say], None]


def restart(argv: Sequence[str], environ: Mapping[str, str], ways: Ways, stop: Stop) -> int:
    """Do what the words say and return an exit code. `stop`: ends a launch, and returns when it is gone."""
    return from_words(
        "restart", RESTART, argv, lambda command: _again(command, with_file(command, environ), ways, stop)
    )


def _again(command: Command, environ: Mapping[str, str], ways: Ways, stop: Stop) -> int:
    reading = read(environ, command.flags)
    home = require_home(reading.sections.deployment.yap_home)
    is_named = reading.sources["SERVER_PORT"] is not Source.DEFAULT
    state = recorded(home, reading.sections.deployment.server_port, is_named=is_named)
    if state is None:
        if not _names_a_model(command, environ):
            raise Refusal(_nothing(home, reading.sections.deployment.server_port if is_named else None), NOTHING_THERE)
        return launch(command, environ, ways)
    keys = carried_over(state)
    notes = ("keys that are not set now are those of the running server",) if keys else ()
    before = _before(home, state, stop, notes)
    if taken := before.requested.taken(environ):
        told = ", ".join(f"{name}={before.requested.variables[name]}" for name in taken)
        before = evolve(before, notes=(*before.notes, f"set as at the last launch: {told}; set one to change it"))
    return launch(command, beneath(environ, keys), ways, before)


def _names_a_model(command: Command, environ: Mapping[str, str]) -> bool:
    flagged = "--chat-model" in command.flags or "--tool-model" in command.flags
    return bool(command.models or flagged or any(environ.get(slot, "").strip() for slot in SLOTS["both"]))


def _nothing(home: Path, port: int | None) -> str:
    known = ", ".join(str(state.port) for state in split(home)[0])
    if port is not None and known:
        return f"no launch on port {port} is on record, there are those on {known}: just restart --port N"
    return (
        f"no launch is on record below YAP_HOME={home}: name a model, just restart --chat-model org/name, or start "
        "with just run"
    )


def recorded(home: Path, port: int, *, is_named: bool) -> State | None:
    """The launch to do again: that of the port; where none is named, the one that runs, else the last one that did.

    None where there is none. Raises `Refusal` (2) where several run, and for a state that cannot be read.
    """
    found = named_or_only(home, str(port) if is_named else None, "restart")
    if found is not None or is_named:
        return found
    return max(split(home)[0], key=lambda state: state.started, default=None)


def carried_over(state: State, proc: Path = PROC) -> dict[str, str]:
    """The keys of a server that runs, read off its own environment: they are written down nowhere.

    Empty where it does not run, or is another user's.
    """
    if state.server is None or not state.server.is_alive():
        return {}
    try:
        entries = (proc / str(state.server.pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return {}
    pairs = (entry.decode("utf-8", "surrogateescape").partition("=") for entry in entries)
    return {name: value for name, _, value in pairs if value.strip() and _is_secret(name, value)}


def _is_secret(name: str, value: str) -> bool:
    return name in SECRETS or (name not in VARIABLES and is_foreign(name) and is_secret(name, value))


def _before(home: Path, state: State, stop: Stop, notes: tuple[str, ...]) -> Before:
    requested = Requested.read(state.requested)
    if requested is None:
        raise Refusal(
            f"what was asked for on port {state.port} is not on record: just stop --port {state.port}, then just run",
            NOTHING_THERE,
        )
    # The same address and the same log, wherever this command is run.
    same = {"SERVER_PORT": str(state.port)} if state.port else {}
    same |= {"YAP_LOG_FILE": state.log} if state.log else {}
    requested = evolve(requested, variables={**requested.variables, **same})
    if not state.is_alive():
        return Before(requested=requested)
    notes = (f"in the place of {state.described()}, which is stopped first", *notes)
    return Before(requested=requested, state=state, stop=lambda say: stop(home, state, say), notes=notes)


__all__ = ["Stop", "carried_over", "recorded", "restart"]
