"""Names that look like ours and are not: a typing error there would be a setting that silently does nothing."""

import re
from collections.abc import Iterator, Mapping

from runtime.settings.envfile import place_of
from runtime.settings.errors import Problem
from runtime.settings.kinds import did_you_mean
from runtime.settings.links import is_injected, is_service_link
from runtime.settings.sections import FLAGS, VARIABLES

PREFIXES = ("YAP_", "CHAT_", "TOOL_", "TRT_", "WS_")
VENDOR = re.compile(r"TRT_VERSION|TRT_LLM_.*", re.DOTALL)


def unknown_variables(environ: Mapping[str, str]) -> Iterator[Problem]:
    """A problem for every set variable that has one of our prefixes, is none of ours and comes from no platform."""
    for name in sorted(environ):
        value = environ[name].strip()
        if value and name.startswith(PREFIXES) and name not in VARIABLES and not _injected(name, value):
            place = place_of(environ[name])
            shown = printable(name) if place is None else f"{printable(name)} ({place})"
            yield Problem(shown, f"unknown variable{did_you_mean(name, VARIABLES)}")


def unknown_flag(flag: str) -> Problem:
    """The problem for a flag that sets no variable."""
    secret = next(
        (v.name for v in VARIABLES.values() if v.secret and flag.strip("-").replace("-", "_").upper() == v.name), None
    )
    if secret is not None:
        return Problem(flag, f"secrets are not taken from the command line, set {secret} in the environment")
    return Problem(printable(flag), f"unknown flag{did_you_mean(flag, FLAGS)}")


def printable(name: str) -> str:
    """A foreign name as it can be printed on one line."""
    return name if name.isprintable() else ascii(name)


def _injected(name: str, value: str) -> bool:
    return (
        is_injected(name) or (name.endswith("_PORT") and is_service_link(value)) or VENDOR.fullmatch(name) is not None
    )


__all__ = ["PREFIXES", "printable", "unknown_flag", "unknown_variables"]
