"""A process that has no descriptor left."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress

# Below what every process has open; what is open stays open. poll(2) takes no more entries than that either.
NONE_LEFT = 3


@contextmanager
def no_descriptor_left() -> Iterator[None]:
    """Nothing can be opened inside, in this process: EMFILE."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (NONE_LEFT, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@contextmanager
def no_descriptor_left_in(pid: int) -> Iterator[None]:
    """Nothing can be opened inside, in another process, which may end there."""
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (NONE_LEFT, before[1]))
    try:
        yield
    finally:
        with suppress(ProcessLookupError):  # it ended inside
            resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


__all__ = ["no_descriptor_left", "no_descriptor_left_in"]
