"""Tries again what may go well the next time: lost connections, 429, 5xx. Never what would be refused again."""

import math
import queue
import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Never, TypeVar

ATTEMPTS = 5
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 16.0
LONGEST_WISH_S = 300.0
"""The longest `Retry-After` that is waited for; with a longer one it is better to come back another time."""
TOO_MANY = 429
# The Hub's library speaks through requests, httpx or httpx2, by its version: these are their classes' names.
_CONNECTION = frozenset({"TransportError", "ConnectionError", "Timeout", "ChunkedEncodingError", "IncompleteRead"})
# The library reads some answers before it looks at their status: what it then fails on is a gateway's page.
_GARBLED = "JSONDecodeError"
# They are connections' errors too, by descent, and nothing changes by asking again.
_FINAL = frozenset({"OfflineModeIsEnabled", "LocalProtocolError", "UnsupportedProtocol"})
# The storage for large files, hf_xet, has no objects for answers.
_STORAGE_STATUS = re.compile(r"HTTP status (?:client|server) error \((\d{3})")
ResultT = TypeVar("ResultT")


class NoAnswer(ConnectionError):
    """Nobody answered in the time that there was."""


def persistently(
    what: str,
    call: Callable[[], ResultT],
    say: Callable[[str], None],
    *,
    attempts: int = ATTEMPTS,
    pause: Callable[[float], None] = time.sleep,  # noqa: TID251 - a process of its own, without a loop
    chance: Callable[[], float] = random.random,
) -> ResultT:
    """What `call` returns, tried up to `attempts` times; raises what it raised last."""
    for attempt in range(1, attempts + 1):
        try:
            return call()
        except Exception as error:
            wait = wait_before(attempt, error, chance)
            if wait is None or attempt == attempts:
                raise
            say(f"{what}: {reason(error)}; attempt {attempt + 1} of {attempts} in {wait:.0f} s")
            pause(wait)
    raise AssertionError("unreachable")


def within(seconds: float, call: Callable[[], ResultT]) -> ResultT:
    """What `call` returns or raises; raises `NoAnswer` after that time, and leaves it to itself.

    A library's own limits do not count the search for an address.
    """
    done: queue.SimpleQueue[Callable[[], ResultT]] = queue.SimpleQueue()

    def work() -> None:
        try:
            result = call()
        except Exception as error:
            done.put(partial(_raised, error))
        else:
            done.put(lambda: result)

    threading.Thread(target=work, daemon=True).start()
    try:
        return done.get(timeout=seconds)()
    except queue.Empty:
        raise NoAnswer(f"no answer within {seconds:g} s") from None


def _raised(error: Exception) -> Never:
    raise error


def wait_before(attempt: int, error: BaseException, chance: Callable[[], float]) -> float | None:
    """Seconds until the next attempt after the one that failed; None if there should be none."""
    status = status_of(error)
    if status is not None and status != TOO_MANY and status < 500:
        return None
    if _is_of_storage(error) or (status is None and not is_connection_lost(error)):
        return None
    wish = _wish_of(error)
    if wish is not None:
        return None if wish > LONGEST_WISH_S else wish + chance() * FIRST_PAUSE_S
    pause: float = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (attempt - 1))
    return pause * (0.5 + chance())


def status_of(error: BaseException) -> int | None:
    """The HTTP status that an error came from; None if there was no answer."""
    for each in _chain(error):
        status = getattr(getattr(each, "response", None), "status_code", None)
        if isinstance(status, int):
            return status
        if found := _STORAGE_STATUS.search(str(each)):
            return int(found[1])
    return None


def is_connection_lost(error: BaseException) -> bool:
    """Whether there was no answer, half of one, or one that is nobody's."""
    names = {cls.__name__ for each in _chain(error) for cls in type(each).__mro__}
    return bool(names & {*_CONNECTION, _GARBLED}) and not names & _FINAL


def _is_of_storage(error: BaseException) -> bool:
    """Whether hf_xet raised it, which has tried again itself, for minutes: an error of connections without a number."""
    return any(
        type(each) in (ConnectionError, TimeoutError) and isinstance(each, OSError) and each.errno is None
        for each in _chain(error)
    )


def reason(error: BaseException) -> str:
    """One line that says what happened."""
    status = status_of(error)
    if status is not None:
        return f"the Hub answered {status}"
    innermost = [each for each in _chain(error) if str(each).strip()]
    text = str((innermost or [error])[-1]).strip() or type(error).__name__
    return text.splitlines()[0]


def _wish_of(error: BaseException) -> float | None:
    """The seconds that a `Retry-After` header asks for, given as a number or as a date."""
    for each in _chain(error):
        headers = getattr(getattr(each, "response", None), "headers", None)
        value = headers.get("Retry-After") if headers is not None else None
        if value is None:
            continue
        try:
            seconds = float(value)
        except ValueError:
            seconds = _seconds_until(value)
        return None if math.isnan(seconds) else max(0.0, seconds)
    return None


def _seconds_until(date: str) -> float:
    try:
        return (parsedate_to_datetime(date) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return math.nan


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what it came from."""
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        yield at
        at = at.__cause__ or at.__context__


__all__ = ["ATTEMPTS", "NoAnswer", "is_connection_lost", "persistently", "reason", "status_of", "wait_before", "within"]
