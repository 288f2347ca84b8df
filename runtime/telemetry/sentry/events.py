"""What Sentry is told of an error: its class, its causes, and the places in the code that it came through.

An event is built here from nothing: what an SDK would gather about the machine is not in it, and `scrub` lets nothing
else out. What an exception says is told only where those words are surely ours.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import PurePath
from traceback import walk_tb
from types import CodeType
from typing import Any

from actors.session.errors import IllegalTransition
from engines.errors import EngineHung
from runtime.telemetry.sentry.incidents import Incident
from runtime.tracebacks import MAX_ERRORS, OURS, ROOT, with_causes

Event = dict[str, Any]

OWN_WORDS = (IllegalTransition, EngineHung)
"""Classes that say nothing but numbers and names out of the code.

All others of ours may repeat what a library said, and a library what it choked on. Which of them was raised, and by
which line, stands in the event anyway.
"""
MAX_FRAMES = 50
"""Of one exception, the innermost."""
MAX_TAG_CHARS = 200
"""Sentry throws longer ones away."""
SENT = frozenset({"event_id", "timestamp", "platform", "level", "release", "environment", "sdk", "exception", "tags"})


def event_of(incident: Incident, tags: Mapping[str, str]) -> Event:
    """The event. `tags`: those of every event."""
    error = incident.error
    name = error if isinstance(error, str) else type(error).__name__
    ids = {
        "session_id": incident.session_id,
        "request_id": incident.request_id,
        # The protocol gives a client no id of its own: the number of its connection, as in the logs' `session`.
        "client_id": incident.session,
        "error_class": name,
        "where": incident.where,
        "suppressed": incident.suppressed or None,
    }
    return {
        "timestamp": incident.at,
        "level": "fatal" if incident.where == "server" else "error",
        "exception": {"values": _exceptions(incident)},
        "tags": {**tags, **{tag: _tag(value) for tag, value in ids.items() if value is not None}},
    }


def scrub(event: Event) -> Event:
    """What may leave: of an event that an SDK has added to, only what is known here."""
    return {name: value for name, value in event.items() if name in SENT and value not in (None, "")}


def _exceptions(incident: Incident) -> list[Event]:
    """The root cause first, as Sentry wants them."""
    handled = {"type": "generic", "handled": incident.where != "server"}
    if isinstance(incident.error, str):
        return [{"type": incident.error, "value": incident.error, "mechanism": handled}]
    chain = list(islice(with_causes(incident.error), MAX_ERRORS))
    return [{**_exception(error), "mechanism": handled} for error in reversed(chain)]


def _exception(error: BaseException) -> Event:
    kind = type(error)
    told: Event = {"type": kind.__qualname__, "module": kind.__module__, "value": _words(error)}
    frames = [_frame(frame.f_code, line, frame.f_globals) for frame, line in walk_tb(error.__traceback__)]
    return {**told, "stacktrace": {"frames": frames[-MAX_FRAMES:]}} if frames else told


def _words(error: BaseException) -> str:
    if type(error) in OWN_WORDS:
        return str(error)
    if isinstance(error, OSError) and isinstance(error.errno, int):
        return f"[Errno {error.errno}] {os.strerror(error.errno)}"  # its own text may be anybody's
    return type(error).__name__


def _frame(code: CodeType, line: int, variables: Mapping[str, Any]) -> Event:
    path, module = PurePath(code.co_filename), variables.get("__name__")
    known = next(_within(path, module), None)
    told: Event = {"filename": known or path.name, "function": code.co_name, "lineno": line}
    if known and isinstance(module, str):
        told["module"] = module
    return {**told, "in_app": known is not None and known.partition("/")[0] in OURS}


def _within(path: PurePath, module: object) -> Iterator[str]:
    """The path within a library, or within ours; of others only the last part is told: the rest may be a home."""
    if isinstance(module, str) and module.partition(".")[0] in sys.stdlib_module_names:
        package = module if path.stem == "__init__" else module.rpartition(".")[0]
        yield "/".join([*filter(None, package.split(".")), path.name])
    for base in path.parents:
        if base.name == "site-packages":
            yield path.relative_to(base).as_posix()
    if path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] in OURS:
        yield path.relative_to(ROOT).as_posix()


def _tag(value: str | int) -> str:
    return " ".join(str(value).split())[:MAX_TAG_CHARS]


__all__ = ["MAX_FRAMES", "OWN_WORDS", "Event", "event_of", "scrub"]
