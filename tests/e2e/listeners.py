"""Where processes wait for connections over the network, read off the kernel's own tables."""

import os
import socket
from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from pathlib import Path

LISTEN = "0A"
NETWORK_ORDER = 4


def listening(pids: Iterable[int]) -> set[tuple[str, int]]:
    """Address and port of each TCP socket on which one of these processes listens."""
    own = {inode for pid in pids for inode in _sockets(pid)}
    return {place for inode, place in _table() if inode in own}


def beyond_this_machine(places: Iterable[tuple[str, int]]) -> set[tuple[str, int]]:
    """Those of them that somebody else can reach."""
    return {(address, port) for address, port in places if not ip_address(address).is_loopback}


def _sockets(pid: int) -> Iterator[str]:
    try:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            target = os.readlink(descriptor)
            if target.startswith("socket:["):
                yield target[len("socket:[") : -1]
    except FileNotFoundError:  # it ended, or closed one, meanwhile
        return


def _table() -> Iterator[tuple[str, tuple[str, int]]]:
    for name, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        path = Path("/proc/net") / name
        for line in path.read_text().splitlines()[1:] if path.exists() else ():
            _, local, _, state, *rest = line.split()
            if state == LISTEN:
                yield rest[5], (_address(local.partition(":")[0], family), int(local.partition(":")[2], 16))


def _address(digits: str, family: socket.AddressFamily) -> str:
    """The kernel prints each 32 bits of an address as a number of this machine's byte order."""
    raw = bytes.fromhex(digits)
    words = [raw[at : at + NETWORK_ORDER][::-1] for at in range(0, len(raw), NETWORK_ORDER)]
    return socket.inet_ntop(family, b"".join(words))


__all__ = ["beyond_this_machine", "listening"]
