"""Nothing of a receiver is left after a test of it."""

import gc
import os
import threading
import time
from collections.abc import Iterator

import pytest

PATIENCE_S = 10.0


def _held() -> tuple[set[threading.Thread], int]:
    gc.collect()  # the SDKs leave the connections they kept to the collector
    return set(threading.enumerate()), len(os.listdir("/proc/self/fd"))


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """No new thread, not one more descriptor; an SDK's own thread, told to end, has a moment for it."""
    threads, descriptors = _held()
    yield
    deadline = time.monotonic() + PATIENCE_S
    while True:
        threads_now, descriptors_now = _held()
        if threads_now <= threads and descriptors_now <= descriptors:
            return
        assert time.monotonic() < deadline, (threads_now - threads, descriptors_now - descriptors)
        time.sleep(0.02)  # noqa: TID251 - no trio here
