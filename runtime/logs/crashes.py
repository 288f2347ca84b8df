"""Exceptions that nobody catches, of threads and of objects that go away: a line like any other.

Python would print them with their messages, which may quote what they choked on.
"""

import sys
import threading

import structlog

log = structlog.get_logger()


def tell_crashes() -> None:
    """Log them from now on, in the whole process."""
    threading.excepthook = _thread_crashed
    sys.unraisablehook = _ignored


def _thread_crashed(crash: threading.ExceptHookArgs) -> None:
    name = crash.thread.name if crash.thread is not None else None
    log.error("thread.crashed", thread=name, exc_info=crash.exc_value)


def _ignored(crash: "sys.UnraisableHookArgs") -> None:
    log.warning("exception.ignored", where=getattr(crash.object, "__qualname__", None), exc_info=crash.exc_value)


__all__ = ["tell_crashes"]
