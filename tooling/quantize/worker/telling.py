"""What the worker says while it works: whole lines, read by the launcher."""

import contextlib
import time
from collections.abc import Iterator


class Failure(Exception):
    """No export can be made, or the one that was made is none; the message says why and what to do."""


def say(text: str) -> None:
    """One line."""
    print(text, flush=True)


@contextlib.contextmanager
def phase(title: str) -> Iterator[None]:
    """Say what begins, and its seconds when it has ended well."""
    began = time.monotonic()
    say(f"{title} ...")
    yield
    say(f"{title}: {time.monotonic() - began:.1f} s")


__all__ = ["Failure", "phase", "say"]
