"""Notices that nothing moves any more while a library is at work, says so, and at last gives up.

Libraries wait for answers without a limit, or with one that starts anew with every byte. What moves is seen from
outside of them, whichever they are: bytes on this process's connections, bytes of files, processor time.
"""

import contextlib
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from attrs import field, frozen

LOOK_EVERY_S = 10.0
SAY_EVERY_S = 60.0
GIVE_UP_S = 420.0
"""Longer than the longest `Retry-After` that is waited for (`retrying`)."""
# In a look's time less than this is none: pings of connections, our own looks, threads that wake up for nothing.
LEAST_SENT, LEAST_ON_DISK, LEAST_CPU_S = 1024, 1 << 16, 1.0
_FDS, _IO = Path("/proc/self/fd"), Path("/proc/self/io")
_MOVED_AT, _MOVED = 120, struct.Struct("<2Q")
"""Where linux/tcp.h's `tcp_info` has the bytes that were acknowledged and received."""


@frozen
class Moved:
    """What has moved so far: bytes by connection, bytes read and written, seconds of processor time."""

    sent: dict[str, int] = field(factory=dict)
    files: int = 0
    cpu_s: float = 0.0

    @classmethod
    def look(cls) -> "Moved":
        """At this process."""
        words = dict(line.split(": ") for line in _IO.read_text("ascii").splitlines())
        return cls(_connections(), int(words["rchar"]) + int(words["wchar"]), time.process_time())

    def since(self, before: "Moved") -> bool:
        """Whether it is more than nothing."""
        sent = sum(count - before.sent.get(name, 0) for name, count in self.sent.items())
        is_on_disk = self.files - before.files >= LEAST_ON_DISK
        return sent >= LEAST_SENT or is_on_disk or self.cpu_s - before.cpu_s >= LEAST_CPU_S


@contextlib.contextmanager
def watched(
    say: Callable[[str], None],
    give_up: Callable[[str], None],
    *,
    look: Callable[[], Moved] = Moved.look,
    every_s: float = LOOK_EVERY_S,
) -> Iterator[None]:
    """Watch while something is done. `give_up`: is called with a sentence after seven minutes without any movement."""
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(over, say, give_up, look, every_s), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()


def _watch(
    over: threading.Event,
    say: Callable[[str], None],
    give_up: Callable[[str], None],
    look: Callable[[], Moved],
    every_s: float,
) -> None:
    before, looks = look(), 0
    while not over.wait(every_s):
        now = look()
        looks = 0 if now.since(before) else looks + 1
        before = now
        still_s = looks * LOOK_EVERY_S
        if still_s >= GIVE_UP_S:
            give_up(f"nothing has moved for {still_s:.0f} s")
            return
        if looks and still_s % SAY_EVERY_S == 0:
            say(f"nothing has moved for {still_s:.0f} s; given up after {GIVE_UP_S:.0f} s")


def _connections() -> dict[str, int]:
    """Bytes that went over each TCP connection of this process."""
    found = {}
    for entry in _FDS.iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile, or no TCP
            name = os.readlink(entry)
            if name.startswith("socket:"):
                with socket.socket(fileno=os.dup(int(entry.name))) as twin:
                    told = twin.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
                if len(told) >= _MOVED_AT + _MOVED.size:
                    found[name] = sum(_MOVED.unpack_from(told, _MOVED_AT))
    return found


__all__ = ["Moved", "watched"]
