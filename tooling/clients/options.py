"""Flags that the clients share, with the environment variables that stand in for them."""

import argparse
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

from attrs import frozen

from tooling.clients.data.personas import Persona, load_personas, persona_by_traits
from tooling.clients.failures import UsageProblem
from tooling.clients.session.connection import Limits
from tooling.usage import ending
from tooling.yap_client.address import DEFAULT_URL, Endpoint, first_key
from tooling.yap_client.errors import AddressError

Environ = Mapping[str, str]
SAMPLING: tuple[tuple[str, Callable[[str], float]], ...] = (
    ("temperature", float),
    ("top_p", float),
    ("top_k", int),
    ("min_p", float),
    ("repetition_penalty", float),
    ("presence_penalty", float),
    ("frequency_penalty", float),
)
CODES = "0 passed, 1 failed, 2 usage, 3 no connection, 130 interrupted"


VARIABLES = {
    "SERVER_WS_URL": "the server, where --server is silent",
    "TEXT_API_KEY": "its key, where --api-key is silent",
    "RECV_TIMEOUT_SEC": "the longest wait for a frame (60)",
    "TEST_WS_PING_INTERVAL": "seconds between pings (20), TEST_WS_PING_TIMEOUT how long one may take (20)",
    "GENDER, PERSONALITY": "the persona, where there are such flags",
    "NO_COLOR, TERM=dumb": "no colours",
}


class Flags(argparse.ArgumentParser):
    """A parser whose complaint can be had as `UsageProblem`."""

    _reading = False

    def read(self, argv: Sequence[str]) -> argparse.Namespace:
        """The flags of a command line. Raises `UsageProblem`; `--help` prints and leaves."""
        self._reading = True
        return self.parse_args(argv)

    def error(self, message: str) -> NoReturn:
        """As argparse wants it: does not return."""
        if not self._reading:
            super().error(message)
        self.print_usage(sys.stderr)
        raise UsageProblem(message)


@frozen
class Common:
    """What every client needs to know."""

    endpoint: Endpoint
    limits: Limits
    lenient: bool


def parser(name: str, description: str) -> Flags:
    """A parser with the connection flags."""
    made = Flags(
        prog=f"just {name}",
        description=description,
        epilog=ending(VARIABLES, CODES),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--server", metavar="URL", help=f"default: SERVER_WS_URL, else {DEFAULT_URL}")
    made.add_argument("--api-key", metavar="KEY", help="default: the first key of TEXT_API_KEY")
    made.add_argument("--auth", choices=("query", "header", "bearer"), default="query", help="how the key travels")
    made.add_argument("--lenient", action="store_true", help="protocol breaches are warnings")
    return made


def add_sampling(made: argparse.ArgumentParser) -> None:
    """The sampling flags; ranges are the server's business."""
    group = made.add_argument_group("sampling (only what is given is sent)")
    for name, kind in SAMPLING:
        flags = dict.fromkeys((f"--{name.replace('_', '-')}", f"--{name}"))
        group.add_argument(*flags, dest=name, type=kind, metavar="X")
    names = ("--no-sanitize-output", "--no_sanitize_output")
    group.add_argument(*names, dest="no_sanitize_output", action="store_true", help="the model's text as generated")


def add_persona(made: argparse.ArgumentParser, environ: Environ) -> None:
    """`--gender` and `--personality`."""
    made.add_argument("--gender", default=environ.get("GENDER") or "female", help="female or male")
    made.add_argument("--personality", default=environ.get("PERSONALITY") or "wholesome", help="letters")


def chosen_persona(arguments: argparse.Namespace) -> Persona:
    """The persona of `--gender` and `--personality`. Raises `UsageProblem`."""
    return persona_by_traits(load_personas(), arguments.gender, arguments.personality)


def start_payload(
    persona: Persona, arguments: argparse.Namespace, history: Sequence[Mapping[str, str]] = ()
) -> dict[str, object]:
    """What a first turn carries beside what is said: the persona, the history, the sampling that was asked for."""
    return {
        "gender": persona.gender,
        "personality": persona.personality,
        "chat_prompt": persona.prompt,
        "history": list(history),
        **sampling(arguments),
    }


def common(arguments: argparse.Namespace, environ: Environ) -> Common:
    """The shared values of a parsed command line. Raises `UsageProblem`."""
    key = first_key(arguments.api_key or environ.get("TEXT_API_KEY", ""))
    if not key:
        raise UsageProblem("no API key: set TEXT_API_KEY (the server prints the one it made up) or give --api-key KEY")
    try:
        address = arguments.server or environ.get("SERVER_WS_URL", "").strip() or DEFAULT_URL
        endpoint = Endpoint.at(address, key, arguments.auth)
    except AddressError as error:
        raise UsageProblem(str(error)) from None
    limits = Limits(
        receive_s=seconds(environ, "RECV_TIMEOUT_SEC", 60.0),
        ping_interval_s=seconds(environ, "TEST_WS_PING_INTERVAL", 20.0),
        ping_timeout_s=seconds(environ, "TEST_WS_PING_TIMEOUT", 20.0),
    )
    return Common(endpoint, limits, arguments.lenient)


def sampling(arguments: argparse.Namespace) -> dict[str, object]:
    """`{"sampling": {...}}` of the flags that were given, or nothing."""
    told = vars(arguments)
    given: dict[str, object] = {name: told[name] for name, _ in SAMPLING if told.get(name) is not None}
    if told.get("no_sanitize_output"):
        given["sanitize_output"] = False
    return {"sampling": given} if given else {}


def seconds(environ: Environ, name: str, default: float, *, zero: bool = False) -> float:
    """A number of seconds from the environment, over 0 unless `zero` may be. Raises `UsageProblem`."""
    text = environ.get(name, "").strip()
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < math.inf or (value == 0 and not zero):
        raise UsageProblem(f"{name}={text!r} must be a number of seconds{', 0 or more' if zero else ' over 0'}")
    return value


def count(environ: Environ, name: str, default: int) -> int:
    """A number from the environment, 0 or more. Raises `UsageProblem`."""
    text = environ.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit()):
        raise UsageProblem(f"{name}={text!r} must be a whole number, 0 or more")
    return int(text)


def coloured(environ: Environ) -> bool:
    """Whether a terminal may be shown colours, as far as the environment says."""
    return "NO_COLOR" not in environ and environ.get("TERM") != "dumb"


def positive(text: str) -> int:
    """An argument that counts something."""
    value = _whole(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def natural(text: str) -> int:
    """An argument that counts something and may be 0."""
    value = _whole(text)
    if value < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return value


def duration(text: str) -> float:
    """An argument in seconds, over 0."""
    value = _real(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError("must be a number of seconds over 0")
    return value


def span(text: str) -> float:
    """An argument in seconds, perhaps 0."""
    value = _real(text)
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError("must be a number of seconds, 0 or more")
    return value


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:  # argparse would name the function that it called
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a whole number") from None


def _real(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan  # which is in no range


__all__ = [
    "CODES",
    "Common",
    "Environ",
    "Flags",
    "add_persona",
    "add_sampling",
    "chosen_persona",
    "coloured",
    "common",
    "count",
    "duration",
    "natural",
    "parser",
    "positive",
    "sampling",
    "seconds",
    "span",
    "start_payload",
]
