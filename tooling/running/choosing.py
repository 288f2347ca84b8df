"""Which launch a command means: the one that was named, or the only one there is."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from runtime.settings import SettingsError
from runtime.settings.reading import read
from tooling.refusal import USAGE, Refusal
from tooling.running.registry import every_state, read_state
from tooling.running.state import State, StateUnreadable


def home_of(environ: Mapping[str, str]) -> Path:
    """`YAP_HOME`; no other setting is looked at. Raises `SettingsError`."""
    reading = read(environ, {})
    if problems := [problem for problem in reading.problems if problem.name == "YAP_HOME"]:
        raise SettingsError(problems)
    return reading.sections.deployment.yap_home.expanduser().absolute()


def split(home: Path) -> tuple[list[State], list[StateUnreadable]]:
    """Every launch that can be read, and every one that cannot."""
    found = every_state(home)
    return (
        [one for one in found if isinstance(one, State)],
        [one for one in found if isinstance(one, StateUnreadable)],
    )


def named_or_only(home: Path, key: str | None, command: str) -> State | None:
    """The launch of a port, running or not; without a port the one that runs, None where none does.

    Raises `Refusal` where several run and none is named, `StateUnreadable` where what is meant cannot be read.
    """
    if key is not None:
        return read_state(home, key)
    states, broken = split(home)
    living = [state for state in states if state.is_alive()]
    if len(living) > 1:
        raise Refusal(f"several servers run; name one:\n{_choices(living, command)}", USAGE)
    if not living and broken:
        raise broken[0]
    return living[0] if living else None


def _choices(states: Sequence[State], command: str) -> str:
    return "\n".join(f"  just {command} --port {state.key:<8} {state.described()}" for state in states)


__all__ = ["home_of", "named_or_only", "split"]
