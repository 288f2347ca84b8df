"""What a template is given besides the messages: its thinking switch, and the date of the session."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import MappingProxyType

# The two names in use; a template may call it otherwise, and then it has to be tried out.
_SWITCHES = ("enable_thinking", "thinking")
_SIMILAR = re.compile(r"(?:\w+_)?(?:think|thinking|reason|reasoning)(?:_\w+)?")
_NEGATED = re.compile(r"(?:no|disable|skip|hide|suppress|without)_.*")
_PRINTED = re.compile(r"true|false", re.IGNORECASE)

# Names by which templates come by a date, besides the function; the format of the first is Llama 3's own.
_DATES: Mapping[str, str] = MappingProxyType(
    {"date_string": "%d %b %Y"} | dict.fromkeys(("current_date", "today", "todays_date", "date"), "%Y-%m-%d")
)


def thinking_switches(names: Iterable[str], render: Callable[[Mapping[str, object]], str | None]) -> tuple[str, ...]:
    """The names of the template's thinking switch among those that it reads; none if it has no such switch.

    `render`: a prompt with these variables, None if the template does not take them. A name that only resembles the
    usual ones is a switch if on and off give two prompts, neither of which has the value written in it: others are a
    budget or an effort.
    """
    known = set(names)
    usual = tuple(name for name in _SWITCHES if name in known)
    return usual or tuple(name for name in sorted(filter(_SIMILAR.fullmatch, known)) if _switches(name, render))


def thinking_values(switches: Iterable[str], enable: bool) -> dict[str, bool]:
    """What the switches are set to; one named after the opposite (`disable_thinking`) is set the other way."""
    return {name: enable != (_NEGATED.fullmatch(name) is not None) for name in switches}


def _switches(name: str, render: Callable[[Mapping[str, object]], str | None]) -> bool:
    off, on, untouched = (render(given) for given in ({name: False}, {name: True}, {}))
    if off is None or on is None or off == on:
        return False
    written = set(_PRINTED.findall(untouched or ""))
    return written >= set(_PRINTED.findall(off)) and written >= set(_PRINTED.findall(on))


def dates(now: datetime, names: Iterable[str]) -> dict[str, object]:
    """The variables that tell a template the time `now`; `names`: those that it reads."""
    told: dict[str, object] = {name: now.strftime(_DATES[name]) for name in _DATES.keys() & set(names)}
    return told | {"strftime_now": now.strftime}


__all__ = ["dates", "thinking_switches", "thinking_values"]
