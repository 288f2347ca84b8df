"""Asks a starting server whether it is ready, without ever waiting for the answer."""

import contextlib
import json
import socket
from collections.abc import Mapping
from typing import Any

from attrs import define, field

from runtime.listening import reachable

ANSWER_MAX_BYTES = 1 << 16
TIMEOUT_S = 10.0


@define(eq=False)
class Probe:
    """One `GET /readyz`. Its socket goes to a selector; `step` is called when that is readable or writable."""

    sock: socket.socket
    deadline: float
    _request: bytes
    _answer: bytearray = field(factory=bytearray, init=False)

    @classmethod
    def begin(cls, host: str, port: int, now: float) -> "Probe | None":
        """Connect to where a server that listens at `host` answers here; None where that fails at once."""
        address = reachable(host).strip("[]")
        try:
            family, kind, protocol, _, where = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
            sock = socket.socket(family, kind, protocol)
        except OSError:
            return None
        sock.setblocking(False)
        try:
            with contextlib.suppress(BlockingIOError):
                sock.connect(where)
        except OSError:
            sock.close()
            return None
        head = f"GET /readyz HTTP/1.1\r\nHost: {address}:{port}\r\nConnection: close\r\n\r\n"
        return cls(sock, now + TIMEOUT_S, head.encode())

    @property
    def wants_to_write(self) -> bool:
        """Whether its request is not out yet."""
        return bool(self._request)

    def step(self) -> bool:
        """Go on; True when it is over, one way or the other."""
        try:
            if self._request:
                self._request = self._request[self.sock.send(self._request) :]
                return False
            received = self.sock.recv(ANSWER_MAX_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            return True
        self._answer += received
        return not received or len(self._answer) > ANSWER_MAX_BYTES

    def close(self) -> None:
        """Give the socket back."""
        self.sock.close()

    def verdict(self) -> tuple[bool, str]:
        """Whether it is ready, and if not, what it is at, empty where it did not say."""
        head, _, body = bytes(self._answer).partition(b"\r\n\r\n")
        status = head.split(b" ", 2)[1:2]
        return status == [b"200"], reason(body)


def reason(body: bytes) -> str:
    """What the body of `/readyz` gives as the reason."""
    try:
        said: Mapping[str, Any] = json.loads(body)
        return str(said["reason"])
    except (ValueError, KeyError, TypeError):
        return ""


__all__ = ["Probe", "reason"]
