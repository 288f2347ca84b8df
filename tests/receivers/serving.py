"""An HTTP server in threads that are waited for: at its end, whatever still waits for a client is woken."""

import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Serving(ThreadingHTTPServer):
    """On a free port of the loopback. `complain` hears what went wrong in it; a client that gave up is no fault."""

    daemon_threads = False  # they are waited for
    request_queue_size = 64

    def __init__(self, handler: type[BaseHTTPRequestHandler], complain: Callable[[str], None]) -> None:
        self._complain = complain
        self._connections: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(("127.0.0.1", 0), handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        with self._guard:
            self._connections.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exception()
        if not isinstance(error, ConnectionError):
            self._complain(repr(error))

    def end(self) -> None:
        """Wake what waits for a client, and wait for every thread. Nothing is accepted any more."""
        with self._guard:
            for connection in self._connections:
                with suppress(OSError):  # it was closed by the other side
                    connection.shutdown(socket.SHUT_RDWR)
        self.server_close()


__all__ = ["Serving"]
