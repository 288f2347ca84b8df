"""Names that look like ours and are not: a typing error there would be a setting that silently does nothing."""

import re
from collections.abc import Iterator, Mapping

from runtime.settings.errors import Problem
from runtime.settings.kinds import did_you_mean
from runtime.settings.sections import FLAGS, VARIABLES

PREFIXES = ("YAP_", "CHAT_", "TOOL_", "TRT_", "WS_")
# Service links of Kubernetes and Docker, made from names of services: a service called `chat` gives CHAT_PORT.
INJECTED = re.compile(r".*_(SERVICE_HOST|SERVICE_PORT(_[A-Za-z0-9_]+)?|PORT_[0-9]+_(TCP|UDP)[A-Za-z0-9_]*)", re.DOTALL)
INJECTED_ADDRESS = re.compile(r"(tcp|udp|sctp)://.*", re.DOTALL)
VENDOR = re.compile(r"TRT_VERSION|TRT_LLM_.*", re.DOTALL)


def unknown_variables(environ: Mapping[str, str]) -> Iterator[Problem]:
    """A problem for every set variable that has one of our prefixes, is none of ours and comes from no platform."""
    for name in sorted(environ):
        value = environ[name].strip()
        if value and name.startswith(PREFIXES) and name not in VARIABLES and not _injected(name, value):
            yield Problem(printable(name), f"unknown variable{did_you_mean(name, VARIABLES)}")


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
        INJECTED.fullmatch(name) is not None
        or (name.endswith("_PORT") and INJECTED_ADDRESS.fullmatch(value) is not None)
        or VENDOR.fullmatch(name) is not None
    )


__all__ = ["PREFIXES", "printable", "unknown_flag", "unknown_variables"]
