"""Flags that the clients share, with the environment variables that stand in for them."""

import argparse
from collections.abc import Callable, Mapping

from attrs import frozen

from tooling.clients.failures import UsageProblem
from tooling.clients.session.connection import Limits
from tooling.yap_client.address import DEFAULT_URL, Endpoint, first_key, server_url
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
CODES = "exit codes: 0 passed, 1 failed, 2 usage, 3 no connection, 130 interrupted"


@frozen
class Common:
    """What every client needs to know."""

    endpoint: Endpoint
    limits: Limits
    lenient: bool


def parser(name: str, description: str) -> argparse.ArgumentParser:
    """A parser with the connection flags."""
    made = argparse.ArgumentParser(prog=f"just {name}", description=description, epilog=CODES)
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


def common(arguments: argparse.Namespace, environ: Environ) -> Common:
    """The shared values of a parsed command line. Raises `UsageProblem`."""
    key = first_key(arguments.api_key or environ.get("TEXT_API_KEY", ""))
    if not key:
        raise UsageProblem("no API key: set TEXT_API_KEY (the server prints the one it made up) or give --api-key KEY")
    try:
        url = server_url(arguments.server or environ.get("SERVER_WS_URL", "").strip() or DEFAULT_URL)
    except AddressError as error:
        raise UsageProblem(str(error)) from None
    limits = Limits(
        receive_s=seconds(environ, "RECV_TIMEOUT_SEC", 60.0),
        ping_interval_s=seconds(environ, "TEST_WS_PING_INTERVAL", 20.0),
        ping_timeout_s=seconds(environ, "TEST_WS_PING_TIMEOUT", 20.0),
    )
    return Common(Endpoint(url, key, arguments.auth), limits, arguments.lenient)


def sampling(arguments: argparse.Namespace) -> dict[str, object]:
    """`{"sampling": {...}}` of the flags that were given, or nothing."""
    given: dict[str, object] = {
        name: getattr(arguments, name) for name, _ in SAMPLING if getattr(arguments, name) is not None
    }
    if arguments.no_sanitize_output:
        given["sanitize_output"] = False
    return {"sampling": given} if given else {}


def seconds(environ: Environ, name: str, default: float) -> float:
    """A positive number of seconds from the environment. Raises `UsageProblem`."""
    text = environ.get(name, "").strip()
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise UsageProblem(f"{name}={text!r} must be a number of seconds over 0")
    return value


def positive(text: str) -> int:
    """An argument that counts something."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


__all__ = [
    "CODES",
    "Common",
    "Environ",
    "add_persona",
    "add_sampling",
    "common",
    "parser",
    "positive",
    "sampling",
    "seconds",
]
