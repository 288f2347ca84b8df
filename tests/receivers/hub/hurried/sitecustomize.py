"""For a worker of a test: what waits before it tries again waits a hundredth of a second, whoever decided how long.

Python imports this by itself where its directory is on PYTHONPATH.
"""

import time
from typing import SupportsIndex

_sleep = time.sleep  # noqa: TID251 - what is replaced
LONGEST_S = 0.01


def hurried(seconds: float | SupportsIndex) -> None:
    """Sleep, but not long."""
    _sleep(min(float(seconds), LONGEST_S))


time.sleep = hurried  # noqa: TID251
